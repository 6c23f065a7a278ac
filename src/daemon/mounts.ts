import { realpathSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { rawFromText } from "../base/bytes.js";
import { type MountInfo, readMountInfo } from "../sys/mount.js";

/** Type by which our mounts are known in mountinfo. */
export const MOUNT_TYPE = "fuse.snapmount";

/** Whether a call failed because nobody serves the mount; ECONNABORTED while its connection is being taken down. */
export function isDeadMount(error: unknown): boolean {
  const { code } = error as NodeJS.ErrnoException;
  return code === "ENOTCONN" || code === "ECONNABORTED";
}

/**
 * The real path of a mountpoint without asking the mount itself, which may be dead:
 * only what leads to it is resolved when it cannot be.
 * @throws the error of node:fs when its parent directory cannot be resolved
 */
export function resolveMountpoint(path: string): string {
  try {
    return realpathSync(path);
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (!isDeadMount(error) && code !== "ENOENT" && code !== "EIO" && code !== "EACCES") throw error;
    return join(realpathSync(dirname(path)), basename(path));
  }
}

/** @returns the mount that is on top at this path, or undefined when nothing is mounted there */
export function mountAt(path: string): MountInfo | undefined {
  const raw = rawFromText(path);
  return readMountInfo().findLast((mount) => mount.mountPoint === raw);
}

/** @returns mounts at or below a path */
export function mountsBelow(path: string): MountInfo[] {
  const raw = rawFromText(path);
  return readMountInfo().filter(
    (mount) => mount.mountPoint === raw || mount.mountPoint.startsWith(`${raw}/`),
  );
}
