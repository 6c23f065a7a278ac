import { AT_FDCWD, O_RDONLY } from "./constants.js";
import { cFunction, result } from "./ffi.js";
import { close, openAt, pread } from "./file.js";

const cGet = cFunction("int sched_getaffinity(int, size_t, void *)");
const cSet = cFunction("int sched_setaffinity(int, size_t, void *)");
const cGettid = cFunction("int gettid()");
const cYield = cFunction("int sched_yield()");

/** Bytes of a mask: for 8192 processors, the most that Linux can be built for. */
const MASK = 1024;

/** A set of processors (CPU_SET(3)), a bit each. */
export type Processors = Buffer;

/** @returns the set with one processor */
export function oneProcessor(index: number): Processors {
  const mask = Buffer.alloc(MASK);
  mask[index >>> 3] = 1 << (index & 7);
  return mask;
}

/**
 * sched_getaffinity(2)
 * @param tid thread, 0 for the calling one
 * @returns where it may run, or undefined when there is no such thread
 */
export function allowedProcessors(tid: number): Processors | undefined {
  const mask = Buffer.alloc(MASK);
  return result(cGet(tid, MASK, mask)) < 0 ? undefined : mask;
}

/**
 * sched_setaffinity(2)
 * @param tid thread, 0 for the calling one
 * @returns 0 or -errno
 */
export function runOn(processors: Processors, tid = 0): number {
  return result(cSet(tid, MASK, processors));
}

/** gettid(2) */
export function threadId(): number {
  return cGettid();
}

/** sched_yield(2): lets whoever waits for this processor have it. */
export function yieldProcessor(): void {
  cYield();
}

/** @returns the numbers of the processors in a set, in order */
export function members(processors: Processors): number[] {
  return Array.from(processors).flatMap((byte, at) =>
    [0, 1, 2, 3, 4, 5, 6, 7].filter((bit) => (byte & (1 << bit)) !== 0).map((bit) => at * 8 + bit),
  );
}

/** Lets the calling thread, which inherits this from the thread that has made it, run wherever the process may. */
export function runAnywhere(): void {
  const whole = allowedProcessors(process.pid);
  if (whole !== undefined) runOn(whole);
}

/** Tells on which processor a thread last ran (proc(5), stat). */
export class ThreadWatch {
  private tid = 0;
  private fd = -1;
  private readonly text = Buffer.alloc(1024);

  /** @returns the number of the processor, or -1 when that cannot be known */
  processor(tid: number): number {
    if (tid !== this.tid) {
      this.close();
      this.tid = tid;
      this.fd = openAt(AT_FDCWD, `/proc/${tid}/stat`, O_RDONLY);
    }
    const length = this.fd < 0 ? -1 : pread(this.fd, this.text, this.text.length, 0);
    if (length <= 0) return -1;
    // The name in brackets may hold anything; the 37th field after it is the processor, of all the 39th.
    const fields = this.text.latin1Slice(this.text.lastIndexOf(0x29, length - 1) + 2, length).split(" ");
    const processor = Number(fields[36]);
    return Number.isSafeInteger(processor) ? processor : -1;
  }

  close(): void {
    if (this.fd >= 0) close(this.fd);
    this.fd = -1;
    this.tid = 0;
  }
}
