import type { FailureKind } from "../daemon/failure.js";

/** The one table of exit codes; README, the manual page and `--help` show it. */
export const EXIT = {
  /** Done. */
  ok: 0,
  /** Refused or failed; stderr says why. */
  failed: 1,
  /** Not understood: unknown option, missing argument. */
  usage: 2,
  /** The store, the mount or the snapshot is in use, held, or the parent of another. */
  busy: 3,
  /** FUSE cannot be had here: no /dev/fuse, no privilege, no fusermount3. */
  fuse: 4,
  /** There is no such store, snapshot or label. */
  notFound: 5,
  /** The name is taken. */
  exists: 6,
  /** What was looked for is there: damage (check), differences (diff --exit-code), a holder (why --exit-code). */
  found: 7,
  /** A contradiction inside snapmount; worth a report. */
  internal: 70,
  /** Ended by SIGINT or SIGTERM before it was done. */
  interrupted: 130,
} as const;

/** Lines for `--help`. */
export const EXIT_HELP = `Exit codes:
  0    done
  1    refused or failed; stderr says why
  2    not understood: unknown option, missing argument
  3    busy: the store, the mount or the snapshot is in use, held, or something was made from it
  4    FUSE cannot be had here: no /dev/fuse, no privilege, no fusermount3
  5    there is no such store or snapshot
  6    the name is taken
  7    found: damage (check), differences (diff --exit-code), a holder (why --exit-code)
  70   a contradiction inside snapmount; please report it
  130  ended by a signal before it was done`;

const codes: Readonly<Record<FailureKind, number>> = {
  usage: EXIT.usage,
  store: EXIT.failed,
  mountpoint: EXIT.failed,
  resources: EXIT.failed,
  host: EXIT.failed,
  busy: EXIT.busy,
  fuse: EXIT.fuse,
  notFound: EXIT.notFound,
  exists: EXIT.exists,
  interrupted: EXIT.interrupted,
  internal: EXIT.internal,
};

/** @returns the exit code of a failure */
export function exitCodeOf(kind: FailureKind): number {
  return codes[kind];
}
