import { spawn } from "node:child_process";
import { statSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { rawFromText } from "../base/bytes.js";
import { unmountFuse } from "../fuse/mount.js";
import { isDeadMount, MOUNT_TYPE, mountAt } from "./mounts.js";

const here = fileURLToPath(import.meta.url);

/**
 * Starts a small process that unmounts when this one has ended in a way that left the mount there (option auto_unmount,
 * as fusermount3 does it).
 * @param mountpoint real path
 */
export function unmountAfterDeath(mountpoint: string): void {
  const watcher = spawn(process.execPath, [here, mountpoint], {
    detached: true,
    cwd: "/",
    stdio: ["pipe", "ignore", "ignore"],
  });
  watcher.unref();
}

/** Waits until standard input ends, which is when the daemon does, and detaches its mount if it is there and dead. */
function watch(mountpoint: string): void {
  process.stdin.resume().once("end", () => {
    try {
      statSync(mountpoint);
    } catch (error) {
      if (isDeadMount(error) && mountAt(mountpoint)?.type === MOUNT_TYPE)
        unmountFuse(rawFromText(mountpoint), true);
    }
  });
}

if (process.argv[1] === here) watch(process.argv[2]!);
