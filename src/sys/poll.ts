import { POLLIN } from "./constants.js";
import { EAGAIN } from "./errno.js";
import { cFunction, result } from "./ffi.js";
import { read, write } from "./file.js";

const cPoll = cFunction("int poll(void *, unsigned long, int)");
const cEventfd = cFunction("int eventfd(unsigned int, int)");

const EFD_CLOEXEC = 0o2000000;
const EFD_NONBLOCK = 0o4000;

/** A set of descriptors to wait for (poll(2)). */
export class PollSet {
  private readonly raw: Buffer;

  /**
   * @param fds descriptors
   * @param events what is waited for on each; errors and hang-ups always are
   */
  constructor(
    private readonly fds: readonly number[],
    events = POLLIN,
  ) {
    this.raw = Buffer.alloc(8 * fds.length);
    fds.forEach((fd, index) => {
      this.raw.writeInt32LE(fd, index * 8);
      this.raw.writeInt16LE(events, index * 8 + 4);
    });
  }

  /**
   * @param timeout milliseconds, -1 for ever
   * @returns how many are ready, 0 on timeout, or -errno (EINTR included)
   */
  wait(timeout: number): number {
    return result(cPoll(this.raw, this.fds.length, timeout));
  }

  /** @returns the events that came for the descriptor at index */
  events(index: number): number {
    return this.raw.readInt16LE(index * 8 + 6);
  }
}

/** eventfd(2), non-blocking. @returns a descriptor or -errno */
export function makeEventFd(): number {
  return result(cEventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
}

const one = Buffer.from([1, 0, 0, 0, 0, 0, 0, 0]);
const taken = Buffer.alloc(8);

/** Wakes whoever polls the eventfd. */
export function signalEventFd(fd: number): void {
  write(fd, one);
}

/** Resets an eventfd. @returns whether it had been signalled */
export function clearEventFd(fd: number): boolean {
  return read(fd, taken) !== -EAGAIN;
}
