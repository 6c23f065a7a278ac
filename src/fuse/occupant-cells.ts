/** What a session and the thread of its Occupant share: places in an Int32Array, each in a cache line of its own. */

/** 1 while the thread runs, 0 while it sleeps, -1 to end it. */
export const AWAKE = 0;
/** The thread's id, 0 while it has not started, -1 when it must not run. */
export const THREAD = 16;
/** Counts the requests. */
export const BEAT = 32;
export const CELLS = 48;
