import { log } from "../base/log.js";

const trace = log("store");
/** So often a write is looked for without a pause: it takes much less than a millisecond to become visible. */
const QUICK_LOOKS = 200;

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
      else if (looks++ < QUICK_LOOKS) setImmediate(look);
      else setTimeout(look, 1);
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
