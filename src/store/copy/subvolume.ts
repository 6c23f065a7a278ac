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
import { EACCES, ECANCELED, EEXIST, EIO, ENOENT, EOPNOTSUPP, EPERM } from "../../sys/errno.js";
import { check, SysError } from "../../sys/error.js";
import { close, openAt } from "../../sys/file.js";
import { BTRFS_SUPER_MAGIC, type FsStat, Stat, statAt, statFs } from "../../sys/stat.js";
import { split } from "./open.js";
import { isRaw, makeRaw, rootMode } from "./root.js";
import { Cell, type CopySpec } from "./spec.js";

const OPEN_DIR = O_RDONLY | O_DIRECTORY | O_CLOEXEC;

/**
 * Makes a directory of btrfs as a subvolume of its own, so that it can be the source of snapshots.
 * @returns whether it was made: elsewhere, and where it is not permitted, it was not
 * @throws SysError
 */
export function makeSubvolume(path: string): boolean {
  return onBtrfs(path, (parent, name) => isMade(createSubvolume(parent, name), path));
}

/**
 * Whether it seems that a snapshot of a directory can be made: of no other than the root of a subvolume, by root or its
 * owner, and not when there are subvolumes in it, which a snapshot would leave out.
 * @throws SysError
 */
export function canSnapshot(path: string): boolean {
  const stat = new Stat();
  check(statAt(stat, AT_FDCWD, rawFromText(path)), "stat", path);
  const euid = process.geteuid?.();
  if (stat.ino !== SUBVOLUME_INO || (euid !== 0 && euid !== stat.uid)) return false;
  return onBtrfs(path, (parent, name) => {
    const fd = check(openAt(parent, name, OPEN_DIR), "open", path);
    const count = countSubvolumes(fd);
    close(fd);
    return count === 0;
  });
}

/** Whether a directory may be the root of a subvolume; on other file systems than btrfs something else can have its number. */
export function mayBeSubvolume(path: string): boolean {
  const stat = new Stat();
  return statAt(stat, AT_FDCWD, rawFromText(path)) === 0 && stat.ino === SUBVOLUME_INO;
}

/**
 * Puts a snapshot of its source in the place of a raw subvolume, which is the whole copy. It is made beside that and
 * takes its place in one step, so that it shows on the disk how far this was. When a snapshot cannot be made, a plain raw
 * directory takes the place: hard links cannot be brought into a subvolume by rename(2), which walking threads do.
 * @param spec of the copy; its nearest source is whole
 * @returns whether the copy is complete now
 * @throws SysError
 */
export function replaceBySnapshot(spec: CopySpec): boolean {
  const { target, sources, beside } = spec;
  const mode = rootMode(sources);
  const [nearest, ...farther] = sources;
  const from = nearest!.path;
  const { name } = split(rawFromText(target));
  return onBtrfs(beside.snapshot, (parent, aside) => {
    // It was in its place already when a crash came.
    if (!isRaw(target, mode)) return false;
    if (farther.length > 0 && isRaw(from, rootMode(farther))) throw new SysError(EIO, "snapshot", from);
    const made = takeSnapshot(from, parent, aside, beside.snapshot);
    if (!made) makeRaw(beside.snapshot, mode);
    exchange(spec, parent, aside, name);
    return made;
  });
}

function takeSnapshot(from: string, parent: number, aside: RawName, path: string): boolean {
  const source = check(openAt(AT_FDCWD, rawFromText(from), OPEN_DIR), "open", from);
  try {
    const stat = new Stat();
    // What a crash has left is empty, and made anew, or a snapshot, which is as good.
    removeDirAt(parent, aside);
    check(statAt(stat, source, ""), "stat", from);
    if (stat.ino !== SUBVOLUME_INO || countSubvolumes(source) !== 0) return false;
    const code = createSnapshot(parent, aside, source);
    return code === -EEXIST || isMade(code, path);
  } finally {
    close(source);
  }
}

/** @throws SysError; nothing is left beside the target then */
function exchange(spec: CopySpec, parent: number, aside: RawName, name: RawName): void {
  const isCancelled = Atomics.load(spec.cells, Cell.cancel) !== 0;
  const code = isCancelled ? -ECANCELED : renameAt(parent, aside, parent, name, RENAME_EXCHANGE);
  // Now the empty one is there, or what nobody wants any more.
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
