import type { Kind } from "../../store/types.js";

/** A point in time: seconds, and nanoseconds of it. */
export interface Time {
  readonly seconds: number;
  readonly ns: number;
}

/** @param ms milliseconds since the epoch */
export function timeOf(ms: number): Time {
  const seconds = Math.floor(ms / 1000);
  return { seconds, ns: Math.round((ms - seconds * 1000) * 1e6) };
}

/**
 * When the control directories last changed. The kernel keeps a listing as long as the directory's mtime stays, so
 * no two changes ever have the same time.
 */
export class Clock {
  private last: Time;
  private readonly listings: Record<Kind, Time>;
  private any: Time;
  /** When the mount began. */
  readonly started: Time;

  /** @param now milliseconds since the epoch */
  constructor(private readonly now: () => number) {
    this.last = timeOf(now());
    this.any = this.last;
    this.started = this.last;
    this.listings = { active: this.last, committed: this.last, view: this.last };
  }

  /** Of a directory of snapshots. */
  of(kind: Kind): Time {
    return this.listings[kind];
  }

  /** Of everything that says something about any snapshot. */
  get overall(): Time {
    return this.any;
  }

  /** To be called after a change, never before: a listing made in between must not pass for the new one. */
  changed(...kinds: readonly Kind[]): void {
    const time = timeOf(this.now());
    const later =
      time.seconds > this.last.seconds || (time.seconds === this.last.seconds && time.ns > this.last.ns);
    this.last = later ? time : next(this.last);
    this.any = this.last;
    for (const kind of kinds) this.listings[kind] = this.last;
  }

  /** What utimensat(2) asks for. */
  set(kind: Kind, time: Time): void {
    this.listings[kind] = time;
  }
}

function next(time: Time): Time {
  return time.ns < 999_999_999
    ? { seconds: time.seconds, ns: time.ns + 1 }
    : { seconds: time.seconds + 1, ns: 0 };
}
