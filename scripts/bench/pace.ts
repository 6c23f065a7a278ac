import { sleep } from "./shell.js";

/** Memory that is read here and there: more than the caches of a processor hold. */
const BYTES = 64 * 2 ** 20;
const READS = 20_000;
const PAUSE_MS = 5;
/** A piece of work that takes so many times as long as usual shows that the machine does something else. */
export const SLOW = 4;
/** For so long no piece must be slow. */
const STEADY_MS = 3000;
const LIMIT_MS = 60_000;

const memory = Buffer.alloc(BYTES, 1);
let at = 1;

/**
 * Waits until the machine runs at its usual pace. Where memory that was freed is given back to a hypervisor, all that runs
 * may be slow for seconds after a large tree was deleted: a piece of work that takes half a millisecond of a processor's
 * time has been seen to take 380.
 */
export function untilSteady(): void {
  const end = performance.now() + LIMIT_MS;
  const usual = quickest();
  for (let since = performance.now(); performance.now() - since < STEADY_MS; sleep(PAUSE_MS)) {
    if (work() <= SLOW * usual) continue;
    since = performance.now();
    if (since > end) {
      console.error(`the machine does not come to a steady pace within ${LIMIT_MS / 1000} s`);
      return;
    }
  }
}

/** @returns milliseconds of the work when nothing disturbs it */
function quickest(): number {
  return Math.min(...Array.from({ length: 20 }, work));
}

/** Does a fixed piece of work. @returns milliseconds */
function work(): number {
  const begin = performance.now();
  let sum = 0;
  for (let i = 0; i < READS; i++) {
    at = (Math.imul(at, 1_664_525) + 1_013_904_223) >>> 0;
    sum += memory[at % BYTES]!;
  }
  if (sum !== READS) throw new Error("the memory does not hold what was written");
  return performance.now() - begin;
}
