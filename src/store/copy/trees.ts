import { printable, type RawName, rawFromText } from "../../base/bytes.js";
import { destroySubvolume, SUBVOLUME_INO } from "../../sys/btrfs.js";
import { O_CLOEXEC, O_DIRECTORY, O_NOFOLLOW, O_RDONLY, S_IFDIR, S_IFMT } from "../../sys/constants.js";
import { listDir, removeDirAt, unlinkAt } from "../../sys/dir.js";
import { ECANCELED, EISDIR, ENOENT, EPERM } from "../../sys/errno.js";
import { check, SysError } from "../../sys/error.js";
import { close, openAt, syncFs } from "../../sys/file.js";
import { Stat, statAt } from "../../sys/stat.js";
import type { Usage } from "../types.js";
import { split } from "./open.js";

const AT_FDCWD = -100;
const OPEN_DIR = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;

type Cancelled = () => boolean;

/** Told of a directory that is empty now and the last to be removed, and how many entries were in it and below. */
type Emptied = (fd: number, removed: number) => void;

/**
 * Removes a tree; what is not there is removed already.
 * @throws SysError; ECANCELED when it was cancelled
 */
export function deleteTree(path: string, isCancelled: Cancelled, emptied?: Emptied): void {
  const { parent, name } = split(rawFromText(path));
  const fd = check(openAt(AT_FDCWD, parent, OPEN_DIR), "open", path);
  try {
    removeDirectory(fd, name, path, isCancelled, emptied);
  } finally {
    close(fd);
  }
}

/** As deleteTree, of a name in a directory. @returns how many entries were in it and below */
export function removeDirectory(
  parent: number,
  name: RawName,
  path: string,
  isCancelled: Cancelled,
  emptied?: Emptied,
): number {
  const fd = openAt(parent, name, OPEN_DIR);
  if (fd === -ENOENT) return 0;
  check(fd, "open", path);
  let removed = 0;
  try {
    if (isSubvolume(fd) && destroySubvolume(parent, name) === 0) return 0;
    const entries = listDir(fd);
    if (typeof entries === "number") throw new SysError(-entries, "readdir", path);
    for (const entry of entries) {
      if (isCancelled()) throw new SysError(ECANCELED, "delete");
      const code = unlinkAt(fd, entry.name);
      // A directory is refused with EISDIR, by POSIX with EPERM.
      if (code === -EISDIR || code === -EPERM)
        removed += removeDirectory(fd, entry.name, readable(path, entry.name), isCancelled);
      else if (code < 0 && code !== -ENOENT) throw new SysError(-code, "unlink", readable(path, entry.name));
      removed++;
    }
    emptied?.(fd, removed);
  } finally {
    close(fd);
  }
  const code = removeDirAt(parent, name);
  if (code !== -ENOENT) check(code, "rmdir", path);
  return removed;
}

function readable(path: string, name: RawName): string {
  return `${path}/${printable(name)}`;
}

/** Where a subvolume may not be destroyed at once, or has others in it, it is emptied and then removed like a directory. */
function isSubvolume(fd: number): boolean {
  return statAt(probe, fd, "") === 0 && probe.ino === SUBVOLUME_INO;
}

const probe = new Stat();

/**
 * Counts the distinct inodes of a tree and the blocks they take (containerd's continuity/fs DiskUsage).
 * What vanishes meanwhile does not count.
 * @throws SysError; ECANCELED when it was cancelled
 */
export function usageOf(path: string, isCancelled: Cancelled): Usage {
  const counter = { inodes: 0, size: 0, seen: new Set<string>(), stat: new Stat(), isCancelled };
  const root = check(openAt(AT_FDCWD, rawFromText(path), OPEN_DIR), "open", path);
  try {
    check(statAt(counter.stat, root, ""), "stat", path);
    count(counter);
    countBelow(counter, root, path);
  } finally {
    close(root);
  }
  return { inodes: counter.inodes, size: counter.size };
}

interface Counter {
  inodes: number;
  size: number;
  readonly seen: Set<string>;
  readonly stat: Stat;
  readonly isCancelled: Cancelled;
}

function count(counter: Counter): void {
  const { stat, seen } = counter;
  if (stat.nlink > 1 && (stat.mode & S_IFMT) !== S_IFDIR) {
    const inode = `${stat.dev}:${stat.ino}`;
    if (seen.has(inode)) return;
    seen.add(inode);
  }
  counter.inodes++;
  counter.size += stat.blocks * 512;
}

function countBelow(counter: Counter, directory: number, path: string): void {
  const { stat } = counter;
  const entries = listDir(directory);
  if (typeof entries === "number") throw new SysError(-entries, "readdir", path);
  for (const { name } of entries) {
    if (counter.isCancelled()) throw new SysError(ECANCELED, "usage");
    const code = statAt(stat, directory, name);
    if (code === -ENOENT) continue;
    if (code < 0) throw new SysError(-code, "stat", readable(path, name));
    count(counter);
    if ((stat.mode & S_IFMT) !== S_IFDIR) continue;
    const below = readable(path, name);
    const fd = openAt(directory, name, OPEN_DIR);
    if (fd === -ENOENT) continue;
    check(fd, "open", below);
    try {
      countBelow(counter, fd, below);
    } finally {
      close(fd);
    }
  }
}

/** syncfs(2) of the file system that holds a directory. @throws SysError */
export function flush(path: string): void {
  const fd = check(openAt(AT_FDCWD, rawFromText(path), OPEN_DIR), "open", path);
  try {
    check(syncFs(fd), "syncfs", path);
  } finally {
    close(fd);
  }
}
