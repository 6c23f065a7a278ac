import type { Info, Kind } from "../../store/types.js";

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
  private readonly snapshots = new Map<number, Time>();
  /** When the mount began. */
  readonly started: Time;

  /** @param now milliseconds since the epoch */
  constructor(private readonly now: () => number) {
    this.last = timeOf(now());
    this.started = this.last;
    this.listings = { active: this.last, committed: this.last, view: this.last };
  }

  /** Of a directory of snapshots. */
  of(kind: Kind): Time {
    return this.listings[kind];
  }

  /** Of what says something about a snapshot. */
  ofSnapshot(info: Info): Time {
    return this.snapshots.get(info.id) ?? timeOf(info.updated);
  }

  /** To be called after a change, never before: a listing made in between must not pass for the new one. */
  changed(...kinds: readonly Kind[]): void {
    const time = this.tick();
    for (const kind of kinds) this.listings[kind] = time;
  }

  /** To be called after a change of what is said about a snapshot, its children and labels among it. */
  snapshotChanged(id: number): void {
    this.snapshots.set(id, this.tick());
  }

  snapshotGone(id: number): void {
    this.snapshots.delete(id);
  }

  private tick(): Time {
    const time = timeOf(this.now());
    const later =
      time.seconds > this.last.seconds || (time.seconds === this.last.seconds && time.ns > this.last.ns);
    this.last = later ? time : next(this.last);
    return this.last;
  }
}

function next(time: Time): Time {
  return time.ns < 999_999_999
    ? { seconds: time.seconds, ns: time.ns + 1 }
    : { seconds: time.seconds + 1, ns: 0 };
}
