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
