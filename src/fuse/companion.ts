import {
  allowedProcessors,
  members,
  oneProcessor,
  type Processors,
  runOn,
  ThreadWatch,
} from "../sys/affinity.js";
import { Occupant } from "./occupant.js";
import { Op } from "./protocol.js";

/** So many requests of one thread in a row show that it is worth following. */
const FOLLOW_AFTER = 8;
/** A thread that is followed is looked for again every so many requests. */
const LOOK_EVERY = 64;
/** Milliseconds between the requests of a thread that is worth following; one that does other things need not wait less. */
const MOST_PAUSE_MS = 0.2;
/** So many requests in a row that move data, or of changing threads, end it. */
const LEAVE_AFTER = 64;
/** A thread that was found elsewhere at so many looks in a row does not stay where it is followed to. */
const MOST_MOVES = 3;
/** Whether it does now is tried again after so many requests. */
const RETRY_AFTER = 8192;

type Keeper = Pick<Occupant, "keep" | "beat" | "leave" | "close" | "isStarting">;

/**
 * Keeps the session's thread on the processor of the thread that it works for. Such a caller waits while we work and we
 * wait while it does, so one processor serves both, and handing over is a switch of threads; between two it is a wake-up
 * of a processor that has gone to sleep, each way: on two processors of a virtual machine 11 µs for a whole GETATTR
 * against 19.
 *
 * The scheduler knows nothing of this: it wakes the caller on any processor that is idle. On two processors an Occupant
 * sees to it that the other one is not; on more, one is mostly idle, and a caller that does not stay is let go, because
 * running after it costs more than all the rest (55 µs). Where data is moved the two work at the same time, and who asks
 * only now and then does something else meanwhile: nobody is followed then, and the session runs where there is room.
 */
export class Companion {
  private readonly everywhere: Processors | undefined = allowedProcessors(0);
  private readonly masks = new Map<number, Processors>();
  private readonly pair: readonly number[];
  private readonly occupant: Keeper | undefined;
  private tid = 0;
  private inARow = 0;
  private others = 0;
  private at = -1;
  private moves = 0;
  /** When the requests in a row were last looked at, and how many they were then. */
  private looked = 0;
  private counted = 0;
  private readonly alone: boolean;
  private usable: boolean;

  /**
   * @param watch tells where a thread runs
   * @param clock milliseconds since whenever
   * @param makeKeeper makes what keeps the other one of two processors
   */
  constructor(
    private readonly watch: Pick<ThreadWatch, "processor" | "close"> = new ThreadWatch(),
    private readonly clock: () => number = () => performance.now(),
    makeKeeper: () => Keeper = () => new Occupant(),
  ) {
    const all = this.everywhere === undefined ? [] : members(this.everywhere);
    this.alone = all.length === 1;
    this.usable = all.length > 1;
    this.pair = all.length === 2 ? all : [];
    this.occupant = all.length === 2 ? makeKeeper() : undefined;
  }

  /** Whether the thread shares the processor of whoever asks, so that polling would keep that from running. */
  get follows(): boolean {
    return this.at >= 0 || this.alone;
  }

  /** To be told of each request. @param tid of who asks, 0 when that is nobody (RELEASE, FORGET) */
  note(opcode: number, tid: number): void {
    if (tid === 0 || !this.usable) return;
    if (opcode === Op.READ || opcode === Op.WRITE || tid !== this.tid) {
      if (tid !== this.tid) this.moves = 0;
      this.tid = tid;
      this.inARow = 0;
      if (++this.others === LEAVE_AFTER) this.leave();
      return;
    }
    if (++this.inARow === 1) {
      this.looked = this.clock();
      this.counted = 1;
    }
    if (this.at >= 0) this.occupant?.beat();
    if (this.inARow === FOLLOW_AFTER || this.inARow % LOOK_EVERY === 0) this.look(tid);
  }

  /** Lets the thread run anywhere again: nobody has asked for a while. */
  leave(): void {
    if (this.at < 0 || this.everywhere === undefined) return;
    this.at = -1;
    this.occupant?.leave();
    runOn(this.everywhere);
  }

  /** @returns resolves when nothing of it runs any more */
  async close(): Promise<void> {
    this.leave();
    this.watch.close();
    await this.occupant?.close();
  }

  private look(tid: number): void {
    this.others = 0;
    const now = this.clock();
    const pause = (now - this.looked) / (this.inARow - this.counted);
    this.looked = now;
    this.counted = this.inARow;
    if (pause > MOST_PAUSE_MS) {
      this.leave();
      return;
    }
    if (this.moves >= MOST_MOVES && this.inARow % RETRY_AFTER !== 0) return;
    const processor = this.watch.processor(tid);
    if (processor < 0) return;
    if (processor === this.at) {
      this.moves = 0;
      this.keepOther(processor);
      // As long as nothing keeps the other processor, that it moves says nothing of the caller.
    } else if (this.at >= 0 && this.occupant?.isStarting !== true && ++this.moves >= MOST_MOVES) this.leave();
    else this.follow(processor);
  }

  private follow(processor: number): void {
    this.keepOther(processor);
    const mask = this.masks.get(processor) ?? oneProcessor(processor);
    this.masks.set(processor, mask);
    // Refused where we may not run there (cpuset(7)), or at all (a filter of system calls).
    if (runOn(mask) === 0) this.at = processor;
    else this.usable = false;
  }

  private keepOther(processor: number): void {
    const [one, two] = this.pair;
    if (one !== undefined && two !== undefined) this.occupant?.keep(processor === one ? two : one);
  }
}
