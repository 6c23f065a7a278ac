import type { Answer, Caller } from "../../fuse/filesystem.js";
import { EINTR } from "../../sys/errno.js";
import { SysError } from "../../sys/error.js";

/**
 * The one way from what the store throws to what the mount answers.
 * @returns -errno
 * @throws what has no errno: a bug, which the session answers with EIO
 */
export function toAnswer(error: unknown): number {
  // Errors of the store come from another thread and may have lost their class, but not their errno.
  if (error instanceof Error && "errno" in error && typeof error.errno === "number" && error.errno !== 0)
    return -Math.abs(error.errno);
  throw error;
}

/** Runs slow work. @returns what it answers, or the -errno of what it throws */
export async function attempt(work: () => Promise<number>): Promise<number> {
  try {
    return await work();
  } catch (error) {
    return toAnswer(error);
  }
}

/** Goes on with the answer of something that may be slow, when it is a success. */
export function then(answer: Answer, onSuccess: (value: number) => Answer): Answer {
  if (typeof answer === "number") return answer < 0 ? answer : onSuccess(answer);
  return answer.then((value) => (value < 0 ? value : onSuccess(value)));
}

/**
 * Waits for work that goes on by itself, until the caller is interrupted.
 * @throws SysError EINTR then
 */
export function interruptible<T>(caller: Caller, work: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    caller.onInterrupt = () => reject(new SysError(EINTR, "wait"));
    work.then(resolve, reject);
  });
}
