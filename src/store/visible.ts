import { log } from "../base/log.js";

const trace = log("store");
/** Milliseconds between the first looks: it takes much less than one to become visible. */
const NAP_MS = 0.05;
/** So many looks are quick ones. */
const QUICK_LOOKS = 60;
const nap = new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT));

/**
 * LMDB says that a write is committed when it is on the disk, but everybody sees it before. It is looked for, so that
 * nobody waits for the disk who need not.
 * @param committed what LMDB says
 * @param isVisible looks
 * @returns resolves when it is visible; rejects with the error of a write that never was
 */
export function whenVisible(committed: Promise<unknown>, isVisible: () => boolean): Promise<void> {
  return new Promise((resolve, reject) => {
    let looks = 0;
    let isSettled = false;
    const look = (): void => {
      if (isSettled) return;
      if (isVisible()) {
        isSettled = true;
        resolve();
      }
      // This also keeps the process alive, which LMDB's thread does not.
      else if (looks++ < QUICK_LOOKS) {
        // Asleep, because LMDB's thread may be queued on this very processor: it would wait for a whole slice (3 ms).
        Atomics.wait(nap, 0, 0, NAP_MS);
        setImmediate(look);
      } else setTimeout(look, 1);
    };
    committed.then(
      () => {
        isSettled = true;
        resolve();
      },
      (error: Error) => {
        // What is visible stays, though it may not be on the disk: that is for Metadata.durable() to say.
        if (isSettled) trace("a write that is visible was not flushed: %s", error.message);
        isSettled = true;
        reject(error);
      },
    );
    look();
  });
}
