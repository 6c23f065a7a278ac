import { type RawName, rawFromText } from "../../base/bytes.js";
import {
  countSubvolumes,
  createSnapshot,
  createSubvolume,
  destroySubvolume,
  SUBVOLUME_INO,
} from "../../sys/btrfs.js";
import { AT_FDCWD, O_CLOEXEC, O_DIRECTORY, O_RDONLY, RENAME_EXCHANGE } from "../../sys/constants.js";
import { removeDirAt, renameAt } from "../../sys/dir.js";
import { EACCES, ECANCELED, EEXIST, ENOENT, EOPNOTSUPP, EPERM } from "../../sys/errno.js";
import { check, SysError } from "../../sys/error.js";
import { close, openAt } from "../../sys/file.js";
import { BTRFS_SUPER_MAGIC, type FsStat, Stat, statAt, statFs } from "../../sys/stat.js";
import { split } from "./open.js";
import { isRaw, rootMode } from "./root.js";
import { Cell, type CopySpec } from "./spec.js";
import { deleteTree } from "./trees.js";

const OPEN_DIR = O_RDONLY | O_DIRECTORY | O_CLOEXEC;

/**
 * Makes a directory of btrfs as a subvolume of its own, so that it can be the source of snapshots.
 * @returns whether it was made: elsewhere, and where it is not permitted, it was not
 * @throws SysError
 */
export function makeSubvolume(path: string): boolean {
  return onBtrfs(path, (parent, name) => isMade(createSubvolume(parent, name), path));
}

/** Whether a directory may be the root of a subvolume; on other file systems than btrfs something else can have its number. */
export function mayBeSubvolume(path: string): boolean {
  const stat = new Stat();
  return statAt(stat, AT_FDCWD, rawFromText(path)) === 0 && stat.ino === SUBVOLUME_INO;
}

/**
 * Puts a snapshot of its source in the place of a raw directory, which is the whole copy. It is made beside that and takes
 * its place in one step, so that it shows on the disk how far this was: a subvolume that is not raw is whole. The raw one
 * is a plain directory: a subvolume takes a transaction of the file system to make, and hard links cannot be brought into
 * one by rename(2), which walking threads do when no snapshot can be made.
 * @param spec of the copy; its nearest source is the root of a subvolume, and whole
 * @returns whether the copy is complete now; if not, nothing has changed
 * @throws SysError
 */
export function replaceBySnapshot(spec: CopySpec): boolean {
  const { target, sources, beside } = spec;
  const { name } = split(rawFromText(target));
  return onBtrfs(beside.snapshot, (parent, aside) => {
    const isSubvolume = mayBeSubvolume(target);
    if (isRaw(target, rootMode(sources))) {
      const isMade = takeSnapshot(sources[0]!.path, parent, aside, beside.snapshot);
      // One that an older version has made, which walking threads must not begin with: it counts as whole.
      if (!isMade && isSubvolume) throw new SysError(EPERM, "subvolume", target);
      if (!isMade) return false;
      exchange(spec, parent, aside, name);
    } else if (!isSubvolume) return false;
    // The raw one is there now, in which walking threads may have begun before a crash.
    for (const left of Object.values(beside)) deleteTree(left, () => false);
    return true;
  });
}

function takeSnapshot(from: string, parent: number, aside: RawName, path: string): boolean {
  const source = check(openAt(AT_FDCWD, rawFromText(from), OPEN_DIR), "open", from);
  try {
    // What a crash has left is empty, and made anew, or a snapshot, which is as good.
    removeDirAt(parent, aside);
    // A snapshot would leave those out.
    if (countSubvolumes(source) !== 0) return false;
    const code = createSnapshot(parent, aside, source);
    return code === -EEXIST || isMade(code, path);
  } finally {
    close(source);
  }
}

/** @throws SysError; nothing is left beside the target then, unless it may not be deleted so quickly */
function exchange(spec: CopySpec, parent: number, aside: RawName, name: RawName): void {
  const isCancelled = Atomics.load(spec.cells, Cell.cancel) !== 0;
  const code = isCancelled ? -ECANCELED : renameAt(parent, aside, parent, name, RENAME_EXCHANGE);
  if (code === 0) return;
  if (removeDirAt(parent, aside) !== 0) destroySubvolume(parent, aside);
  // It has been removed meanwhile, and set aside for that.
  check(code === -ENOENT ? -ECANCELED : code, "rename", spec.target);
}

function isMade(code: number, path: string): boolean {
  if (code === -EPERM || code === -EACCES || code === -EOPNOTSUPP) return false;
  check(code, "subvolume", path);
  return true;
}

/** @returns false on other file systems than btrfs */
function onBtrfs(path: string, work: (parent: number, name: RawName) => boolean): boolean {
  const { parent, name } = split(rawFromText(path));
  const fd = check(openAt(AT_FDCWD, parent, OPEN_DIR), "open", parent);
  try {
    const found = {} as FsStat;
    check(statFs(found, fd), "statfs", parent);
    return found.type === BTRFS_SUPER_MAGIC && work(fd, name);
  } finally {
    close(fd);
  }
}
