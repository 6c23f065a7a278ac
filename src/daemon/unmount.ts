import { once } from "node:events";
import { Worker } from "node:worker_threads";
import { MOUNT_TYPE, mountAt } from "./mounts.js";

/** How an attempt to unmount went. */
export interface UnmountOutcome {
  /** 0 when it is unmounted, -1 for a failure without errno. */
  readonly errno: number;
  readonly message: string;
}

/**
 * Unmounts without blocking this thread.
 * @param mountpoint real path
 * @param lazy detaches even what is busy (MNT_DETACH)
 */
export async function unmount(mountpoint: string, lazy = false): Promise<UnmountOutcome> {
  const worker = new Worker(new URL("./unmount-worker.js", import.meta.url), {
    workerData: { mountpoint, lazy },
  });
  const [outcome] = (await once(worker, "message")) as [UnmountOutcome];
  // Somebody else may have been faster.
  return outcome.errno !== 0 && mountAt(mountpoint)?.type !== MOUNT_TYPE
    ? { errno: 0, message: "" }
    : outcome;
}
