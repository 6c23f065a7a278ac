import { log } from "../base/log.js";
import type { Tree } from "../tree/tree.js";

const trace = log("held");
const INTERVAL_MS = 200;

/**
 * Says in the log what the tree holds, when that has changed and nobody asks anything; tests and the benchmark read it.
 * @param counters of the session; the first is the number of open backing files
 * @returns to be called whenever the session is idle; undefined unless that log (snapmount:held) is on
 */
export function idleReport(tree: Tree, counters: Int32Array): (() => void) | undefined {
  if (!trace.enabled) return undefined;
  let last = "";
  let at = 0;
  return () => {
    const now = performance.now();
    if (now - at < INTERVAL_MS) return;
    const { nodes, handles, descriptors, watches } = tree.counts();
    const text = `nodes=${nodes} handles=${handles} descriptors=${descriptors} backing=${counters[0]} watches=${watches}`;
    if (text === last) return;
    last = text;
    at = now;
    trace(text);
  };
}
