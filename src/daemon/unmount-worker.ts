import { parentPort, workerData } from "node:worker_threads";
import { rawFromText } from "../base/bytes.js";
import { unmountFuse } from "../fuse/mount.js";
import { SysError } from "../sys/error.js";
import type { UnmountOutcome } from "./unmount.js";

// Unmounting writes back what is dirty, which the session may need the main thread for: so it waits in a thread of its own.

const { mountpoint, lazy } = workerData as { mountpoint: string; lazy: boolean };

function unmount(): UnmountOutcome {
  try {
    unmountFuse(rawFromText(mountpoint), lazy);
    return { errno: 0, message: "" };
  } catch (error) {
    if (error instanceof SysError) return { errno: error.errno, message: error.message };
    return { errno: -1, message: error instanceof Error ? error.message : String(error) };
  }
}

parentPort?.postMessage(unmount());
