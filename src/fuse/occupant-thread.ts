import { performance } from "node:perf_hooks";
import { workerData } from "node:worker_threads";
import { threadId, yieldProcessor } from "../sys/affinity.js";
import { setNice } from "../sys/priority.js";
import { AWAKE, BEAT, THREAD } from "./occupant-cells.js";

/** After so long without a request the processor may sleep, in milliseconds. */
const PATIENCE_MS = 0.3;
/** How often the cells are looked at, in milliseconds: each look takes their line from the session's processor. */
const LOOK_MS = 0.02;
const LOWEST = 19;

// What an Occupant's thread does: see there.

const cells = workerData as Int32Array;
// Without it this thread would compete with work on equal terms, so then there is none of it.
const polite = setNice(LOWEST) === 0;
Atomics.store(cells, THREAD, polite ? threadId() : -1);

while (polite) {
  Atomics.wait(cells, AWAKE, 0);
  if (Atomics.load(cells, AWAKE) < 0) break;
  stay();
  Atomics.compareExchange(cells, AWAKE, 1, 0);
}

/** Runs, on the processor on which the session has put it, until the requests have stopped. */
function stay(): void {
  let beat = 0;
  let last = performance.now();
  let look = last;
  while (Atomics.load(cells, AWAKE) > 0) {
    const now = performance.now();
    if (now < look) continue;
    look = now + LOOK_MS;
    const next = Atomics.load(cells, BEAT);
    if (next !== beat) last = now;
    else if (now - last > PATIENCE_MS) return;
    beat = next;
    // Whoever else wants this processor must not wait for our time slice to end.
    yieldProcessor();
  }
}
