import type { RawName } from "../../base/bytes.js";
import { deferred } from "../../base/deferred.js";
import { log } from "../../base/log.js";
import { ECANCELED } from "../../sys/errno.js";
import { SysError } from "../../sys/error.js";
import type { Need } from "../pending.js";
import type { Crew } from "./crew.js";
import { METHODS } from "./data.js";
import { Cell, type CopySpec, sharedCells } from "./spec.js";
import { mayBeSubvolume } from "./subvolume.js";
import type { Ahead } from "./task.js";
import type { Threads } from "./threads.js";
import type { Beside, CopyJob, Source } from "./types.js";

const trace = log("copy");

/**
 * Milliseconds before the threads set out. They keep every processor busy, and whoever asked for the copy has no answer
 * yet: a thread that still works on that would wait for a slice of theirs (3 ms), twice or three times. So would who looks
 * into the new tree at once, for one part of it after the other.
 */
const LAUNCH_DELAY_MS = 5;

/** What all jobs of an engine share. */
export interface Hands {
  /** Copies in the background. */
  readonly crew: Crew;
  /** Do what somebody waits for. */
  readonly ahead: Threads;
  /** See Board. */
  readonly board: Int32Array;
  /** Milliseconds after which the crew sets out though somebody still waits for one part after the other. */
  readonly launchLimit: number;
}

/** A copy in the background, seen from the thread of the store. It ends in two steps: how it ended is known, then nobody is at it any more. */
export class Job implements CopyJob {
  private readonly ended = deferred<void>();
  private readonly cells = sharedCells(Object.keys(Cell).length);
  private spec: CopySpec | undefined;
  /** Settles when it is known whether a snapshot of the file system is all of it. */
  private begun: Promise<void> | undefined;
  private isLaunched = false;
  private isSnapshot = false;
  private failure: SysError | undefined;
  private isEnding = false;
  /** Threads that have not dropped it yet, and parts that somebody waits for. */
  private left = 0;
  private parts = 0;
  /** When somebody got a part that he waited for, in milliseconds of performance.now. */
  private lastPart = -Infinity;

  /** @param making the copy by which the nearest source is still being made */
  constructor(
    readonly id: number,
    private readonly sources: readonly Source[],
    private readonly verify: boolean,
    private readonly making: Job | undefined,
    private readonly hands: Hands,
  ) {
    // Whoever follows it is told; nobody need.
    this.ended.promise.catch(() => undefined);
  }

  get done(): Promise<void> {
    return this.ended.promise;
  }

  entries(): number {
    return Atomics.load(this.cells, Cell.entries);
  }

  get method(): string {
    if (this.isSnapshot) return "snapshot";
    const methods = Atomics.load(this.cells, Cell.methods);
    return METHODS.filter((_, at) => (methods & (1 << at)) !== 0).join(", ") || "nothing";
  }

  /** Path of the directory that is completed, once it has started. */
  get target(): string | undefined {
    return this.spec?.target;
  }

  start(path: string, beside: Beside): void {
    const { id, sources, cells, verify } = this;
    if (this.isEnding) return;
    this.spec = { id, target: path, beside, sources, cells, verify };
    // A source that is being made may become a subvolume yet.
    if (this.making?.begun !== undefined || mayBeSubvolume(sources[0]!.path))
      this.begun = this.begin(this.spec);
    else this.launchSoon(this.spec);
  }

  /** Tries to do it all by a snapshot of the file system, which needs a source that is whole. */
  private async begin(spec: CopySpec): Promise<void> {
    this.parts++;
    try {
      await this.making?.begun;
      if (this.making?.failure !== undefined) throw this.making.failure;
      const isWhole = this.making?.isSnapshot !== false;
      const made = isWhole && ((await this.hands.ahead.run({ type: "snapshot", spec })) as boolean);
      trace("copy %d: %s", this.id, made ? "a subvolume snapshot" : "no subvolume snapshot is made");
      if (made) this.finishAnyway();
      else if (!this.isEnding) this.launchSoon(spec);
    } catch (error) {
      if (!(error instanceof SysError)) throw error;
      this.end(error);
    } finally {
      this.parts--;
      this.settle();
    }
  }

  /** Whoever has cancelled it came too late. */
  private finishAnyway(): void {
    this.failure = undefined;
    this.isSnapshot = true;
    this.finish();
  }

  private launchSoon(spec: CopySpec): void {
    // Whoever is waited for before then must not take it that nothing is left to do.
    Atomics.store(this.cells, Cell.open, 1);
    const latest = performance.now() + this.hands.launchLimit;
    const launch = (): void => {
      if (this.isEnding) return;
      const now = performance.now();
      const isAwaited = this.parts > 0 || now - this.lastPart < LAUNCH_DELAY_MS;
      if (isAwaited && now < latest) setTimeout(launch, LAUNCH_DELAY_MS);
      else this.launch(spec);
    };
    setTimeout(launch, LAUNCH_DELAY_MS);
  }

  private launch(spec: CopySpec): void {
    this.isLaunched = true;
    this.left = this.hands.crew.size;
    this.hands.crew.launch(spec);
  }

  expand(path: RawName, next?: RawName): Promise<number> {
    return this.part({ type: "expand", path, next });
  }

  fill(path: RawName, need: Need): Promise<number> {
    return this.part({ type: "fill", path, need });
  }

  complete(path: RawName): Promise<number> {
    return this.part({ type: "complete", path });
  }

  private async part(part: Ahead): Promise<number> {
    await this.begun;
    if (this.spec === undefined || this.isEnding) return this.failure === undefined ? 0 : -this.failure.errno;
    this.parts++;
    try {
      await this.hands.ahead.run({ type: "ahead", spec: this.spec, board: this.hands.board, part });
      return 0;
    } catch (error) {
      if (error instanceof SysError) return -error.errno;
      throw error;
    } finally {
      this.parts--;
      this.lastPart = performance.now();
      this.settle();
    }
  }

  cancel(): void {
    this.end(new SysError(ECANCELED, "copy"));
  }

  /** A thread could not go on. @param isDead it is no more, so it will drop nothing */
  fail(failure: SysError, isDead: boolean): void {
    if (isDead) this.left--;
    this.end(failure);
    this.settle();
  }

  /** A thread has found that nothing is left to do. */
  finish(): void {
    this.end(undefined);
  }

  /** A thread has dropped it. */
  dropped(): void {
    this.left--;
    if (this.left === 0) this.hands.crew.dropped();
    this.settle();
  }

  private end(failure: SysError | undefined): void {
    if (this.isEnding) return;
    this.isEnding = true;
    this.failure = failure;
    if (failure !== undefined) Atomics.store(this.cells, Cell.cancel, 1);
    if (this.isLaunched) this.hands.crew.drop(this.id);
    this.settle();
  }

  private settle(): void {
    if (!this.isEnding || this.left > 0 || this.parts > 0) return;
    if (this.failure === undefined) this.ended.resolve();
    else this.ended.reject(this.failure);
  }
}
