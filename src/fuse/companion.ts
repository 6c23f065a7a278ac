import { allowedProcessors, oneProcessor, type Processors, runOn, ThreadWatch } from "../sys/affinity.js";
import { Op } from "./protocol.js";

/** So many requests of one thread in a row show that it is worth following. */
const FOLLOW_AFTER = 8;
/** A thread that is followed is looked for again every so many requests. */
const LOOK_EVERY = 64;
/** So many requests in a row that move data, or of changing threads, end it. */
const LEAVE_AFTER = 64;

/**
 * Keeps the session's thread on the processor of the thread that it works for. Such a caller waits while we work and we
 * wait while it does, so one processor serves both, and handing over is a switch of threads; between two it is a wake-up
 * of a processor that has gone to sleep, each way: 15 µs against 60 to 150 for a whole GETATTR in a virtual machine with
 * two processors. The scheduler knows nothing of this and prefers idle processors. Where data is moved the two work at
 * the same time, and nobody is followed.
 */
export class Companion {
  private readonly everywhere: Processors | undefined = allowedProcessors(0);
  private readonly watch = new ThreadWatch();
  private readonly masks = new Map<number, Processors>();
  private tid = 0;
  private inARow = 0;
  private others = 0;
  private at = -1;
  private usable = this.everywhere !== undefined;

  /** Whether the thread shares the processor of whoever asks, so that polling would keep that from running. */
  get follows(): boolean {
    return this.at >= 0;
  }

  /** To be told of each request. @param tid of who asks, 0 when that is nobody (RELEASE, FORGET) */
  note(opcode: number, tid: number): void {
    if (tid === 0 || !this.usable) return;
    if (opcode === Op.READ || opcode === Op.WRITE || tid !== this.tid) {
      this.tid = tid;
      this.inARow = 0;
      if (++this.others === LEAVE_AFTER) this.leave();
      return;
    }
    this.inARow++;
    if (this.inARow === FOLLOW_AFTER || this.inARow % LOOK_EVERY === 0) this.follow(tid);
  }

  /** Lets the thread run anywhere again: nobody has asked for a while. */
  leave(): void {
    if (this.at < 0 || this.everywhere === undefined) return;
    this.at = -1;
    runOn(this.everywhere);
  }

  close(): void {
    this.leave();
    this.watch.close();
  }

  private follow(tid: number): void {
    this.others = 0;
    const processor = this.watch.processor(tid);
    if (processor < 0 || processor === this.at) return;
    const mask = this.masks.get(processor) ?? oneProcessor(processor);
    this.masks.set(processor, mask);
    // Refused where we may not run there (cpuset(7)), or at all (a filter of system calls).
    if (runOn(mask) === 0) this.at = processor;
    else this.usable = false;
  }
}
