import { parentPort } from "node:worker_threads";
import { assert } from "../../base/assert.js";
import { EIO } from "../../sys/errno.js";
import { SysError } from "../../sys/error.js";
import type { TreeChange } from "../changes.js";
import type { ComparisonReply, ComparisonRequest } from "./messages.js";
import { TreeComparison } from "./tree-comparison.js";

// The thread that compares trees, for all who ask: each gets a slice of its time, and nothing is done ahead.

/** Most changes of an answer, and for how long one is worked at before others have their turn, in milliseconds. */
const MOST_CHANGES = 1024;
const SLICE_MS = 30;
/** How many steps are made between two looks at the clock. */
const STEPS = 16;

type Steps = Iterator<TreeChange | undefined>;

const port = parentPort;
assert(port, "this file is the entry of a worker thread");
const lists = new Map<number, Steps>();
/** Who waits for an answer, in turn. */
const waiting: number[] = [];
let isEnding = false;

const answer = (reply: ComparisonReply): void => port.postMessage(reply);

/** Works for whoever is first. */
function slice(): void {
  const list = waiting.shift();
  const steps = list === undefined ? undefined : lists.get(list);
  if (list !== undefined && steps !== undefined) {
    try {
      const changes: TreeChange[] = [];
      const isLast = advance(steps, changes);
      // With nothing to tell yet, the next slice goes on.
      if (changes.length === 0 && !isLast) waiting.push(list);
      else answer({ list, changes, isLast });
    } catch (error) {
      const { errno, operation, subject } =
        error instanceof SysError ? error : new SysError(EIO, "compare", String(error));
      answer({ list, failure: { errno, operation, subject } });
    }
  }
  if (waiting.length > 0) setImmediate(slice);
}

/** @returns whether there is nothing left */
function advance(steps: Steps, changes: TreeChange[]): boolean {
  const until = performance.now() + SLICE_MS;
  for (let step = 1; changes.length < MOST_CHANGES; step++) {
    const { done, value } = steps.next();
    if (done === true) return true;
    if (value !== undefined) changes.push(value);
    if (step % STEPS === 0 && performance.now() > until) return false;
  }
  return false;
}

port.on("message", (request: ComparisonRequest) => {
  switch (request.type) {
    case "open":
      lists.set(request.list, new TreeComparison(request.before, request.after)[Symbol.iterator]());
      break;
    case "next":
      waiting.push(request.list);
      if (waiting.length === 1 && !isEnding) setImmediate(slice);
      break;
    case "close":
      // Gives its descriptors back.
      lists.get(request.list)?.return?.();
      lists.delete(request.list);
      break;
    case "end":
      isEnding = true;
      waiting.length = 0;
      for (const steps of lists.values()) steps.return?.();
      lists.clear();
      port.close();
  }
});
