import { writeSync } from "node:fs";
import { format } from "node:util";
import { isMainThread } from "node:worker_threads";
import debug from "debug";

/** A namespaced logger; prints nothing unless its namespace is enabled (`-d` or DEBUG). */
export type Log = debug.Debugger;

/**
 * @param namespace what follows `snapmount:`, for example `store`
 * @returns a logger of that namespace
 */
export function log(namespace: string): Log {
  return debug(`snapmount:${namespace}`);
}

/** Turns on every namespace that matches, as DEBUG would. */
export function enableLog(pattern = "snapmount:*"): void {
  debug.enable(pattern);
}

if (!isMainThread) {
  // A worker's stderr goes through the main thread and waits for its answer in the event loop, to which the thread that
  // serves the kernel never returns. So workers write by themselves.
  debug.log = (...args: unknown[]) => {
    writeSync(2, `${format(...args)}\n`);
  };
}
