import { UTIME_NOW } from "../../sys/constants.js";
import { sync } from "../../sys/file.js";
import { type FsStat, statFs, utimesFd, XFS_SUPER_MAGIC } from "../../sys/stat.js";
import { sharedCells } from "./spec.js";

/** What fewer entries have taken up is hardly ever what the next one who needs room gets. */
const MANY = 1000;
/** xfs frees removed inodes in threads of the kernel, which begin within a tick or as soon as 32 are waiting. */
const INACTIVATION_MS = 10;

/**
 * Waits until the room that a large deletion has freed can be given away again. xfs gives nothing away whose freeing does
 * not stand in its log yet: whoever comes first and needs room would write that log, and wait for it (20 to 100 ms after a
 * Debian tree and one of 40,000 files).
 * @param fd a directory of that file system
 * @param removed how many entries were deleted
 */
export function settleFreed(fd: number, removed: number): void {
  const found = {} as FsStat;
  if (removed < MANY || statFs(found, fd) < 0 || found.type !== XFS_SUPER_MAGIC) return;
  Atomics.wait(sharedCells(1), 0, 0, INACTIVATION_MS);
  // A directory that has changed last is written last: fsync(2) of it writes all of the log, and no data of others.
  if (utimesFd(fd, 0, UTIME_NOW, 0, UTIME_NOW) === 0) sync(fd);
}
