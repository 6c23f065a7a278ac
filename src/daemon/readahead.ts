import { readFileSync, writeFileSync } from "node:fs";
import { MAX_IO } from "../base/limits.js";
import { log } from "../base/log.js";
import { mountAt } from "./mounts.js";

const trace = log("daemon");

/**
 * Lets the kernel read ahead as much as one request can carry (sysfs, class/bdi, read_ahead_kb). INIT can only lower what
 * a mount begins with, which is 128 KiB; who is not root has to do with that.
 * @param mountpoint of a FUSE mount
 */
export function raiseReadahead(mountpoint: string): void {
  const mount = mountAt(mountpoint);
  if (mount === undefined) return;
  const file = `/sys/class/bdi/${mount.major}:${mount.minor}/read_ahead_kb`;
  try {
    if (Number(readFileSync(file, "latin1")) < MAX_IO / 1024) writeFileSync(file, String(MAX_IO / 1024));
  } catch (error) {
    trace("reading ahead stays as it is: %s", error);
  }
}
