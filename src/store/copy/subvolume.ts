import { type RawName, rawFromText } from "../../base/bytes.js";
import { countSubvolumes, createSnapshot, createSubvolume, SUBVOLUME_INO } from "../../sys/btrfs.js";
import { AT_FDCWD, O_CLOEXEC, O_DIRECTORY, O_RDONLY } from "../../sys/constants.js";
import { EACCES, EOPNOTSUPP, EPERM } from "../../sys/errno.js";
import { check } from "../../sys/error.js";
import { close, openAt } from "../../sys/file.js";
import { BTRFS_SUPER_MAGIC, type FsStat, Stat, statAt, statFs } from "../../sys/stat.js";
import { split } from "./open.js";

const OPEN_DIR = O_RDONLY | O_DIRECTORY | O_CLOEXEC;

/**
 * Makes a directory of btrfs as a subvolume of its own, so that it can be the source of snapshots.
 * @returns whether it was made: elsewhere, and where it is not permitted, it was not
 * @throws SysError
 */
export function makeSubvolume(path: string): boolean {
  return inParent(path, (parent, name) => isMade(createSubvolume(parent, name), path));
}

/**
 * Makes a directory as a snapshot of another one of btrfs.
 * @returns whether it was made. It is not where `from` is no subvolume, where that is not permitted, and where there are
 * subvolumes in it, which a snapshot would leave out
 * @throws SysError
 */
export function snapshotSubvolume(from: string, to: string): boolean {
  return inParent(to, (parent, name) => {
    const source = check(openAt(AT_FDCWD, rawFromText(from), OPEN_DIR), "open", from);
    try {
      const stat = new Stat();
      check(statAt(stat, source, ""), "stat", from);
      if (stat.ino !== SUBVOLUME_INO || countSubvolumes(source) !== 0) return false;
      return isMade(createSnapshot(parent, name, source), to);
    } finally {
      close(source);
    }
  });
}

function isMade(code: number, path: string): boolean {
  if (code === -EPERM || code === -EACCES || code === -EOPNOTSUPP) return false;
  check(code, "subvolume", path);
  return true;
}

/** @returns false on other file systems than btrfs */
function inParent(path: string, work: (parent: number, name: RawName) => boolean): boolean {
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
