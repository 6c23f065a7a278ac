import { performance } from "node:perf_hooks";
import { type MessagePort, receiveMessageOnPort } from "node:worker_threads";
import type { RawName } from "../base/bytes.js";
import { log } from "../base/log.js";
import type { PortHost } from "../base/port-host.js";
import { EAGAIN, ECONNABORTED, EINTR, EIO, ENODEV, ENOENT, EPERM } from "../sys/errno.js";
import { check, SysError } from "../sys/error.js";
import { close, readOnce, write } from "../sys/file.js";
import { closeBackingFile, openBackingFile } from "../sys/fuse-device.js";
import { clearEventFd, makeEventFd, PollSet } from "../sys/poll.js";
import type { BlockingPool } from "../sys/pool.js";
import { Companion } from "./companion.js";
import { Dispatcher } from "./dispatcher.js";
import { Exchange } from "./exchange.js";
import type { Attention, Features, FileSystem, NodeId, SessionControl } from "./filesystem.js";
import { type Negotiated, negotiate } from "./negotiate.js";
import { Notices } from "./notices.js";
import { Patience } from "./patience.js";
import { IN_HEADER, OPCODES, Op } from "./protocol.js";

const debug = log("fuse");
/** Most requests that are put aside while queued releases are looked for. */
const MOST_ASIDE = 64;
/** While requests follow each other, messages are looked for every so many of them. */
const PUMP_EVERY = 8;
/** While answers are outstanding, the event loop gets a turn every so many rounds. */
const TURN_EVERY = 32;
/** For how long the processor of the last caller is kept when nobody asks. */
const FOLLOW_MS = 20;

export interface SessionOptions {
  /** Ask for passthrough where the kernel has it. */
  readonly passthrough: boolean;
  /** 1, or 2 for a store on a stacked file system such as overlayfs. */
  readonly maxStackDepth: 1 | 2;
  /** When to ask the device again instead of sleeping. */
  readonly patience?: Pick<Patience, "note" | "allows">;
  /** Makes calls that may wait. */
  readonly pool: Pick<BlockingPool, "call">;
  /** Called before the session sleeps because nobody asks anything. */
  readonly onIdle?: () => void;
  /** Called once it is agreed with the kernel what the session can do, before anything else is answered. */
  readonly onNegotiated?: (features: Features) => void;
  /** What is waited for as well. */
  readonly attention?: Attention;
  /** Takes the number of requests by opcode, and at index 0 that of open backing files. */
  readonly counters?: Int32Array;
}

/**
 * One mount's conversation with the kernel. run() is a loop of blocking system calls for a thread of its own; other threads
 * reach it through attached ports and wakeFd.
 */
export class Session implements SessionControl, PortHost {
  readonly wakeFd = check(makeEventFd(), "eventfd");
  private readonly counters: Int32Array;
  private readonly ports: { port: MessagePort; onMessage: (message: unknown) => void }[] = [];
  private readonly idle: Exchange[] = [];
  private readonly aside: { exchange: Exchange; length: number }[] = [];
  private readonly dispatcher: Dispatcher;
  private readonly companion = new Companion();
  private negotiated: Negotiated | undefined;
  private passthroughWorks = true;
  private besides = 0;
  private ended = false;
  private readonly notices: Notices;

  /** @param fd the mount's /dev/fuse, non-blocking */
  constructor(
    private readonly fd: number,
    private readonly fs: FileSystem,
    private readonly options: SessionOptions,
  ) {
    this.counters = options.counters ?? new Int32Array(OPCODES);
    this.notices = new Notices(fd, options.pool);
    this.dispatcher = new Dispatcher(
      fs,
      (x, length) => write(fd, x.output, length),
      (x) => this.idle.push(x),
    );
  }

  get features(): Negotiated {
    if (this.negotiated === undefined) throw new Error("the session is not initialised yet");
    return this.passthroughWorks ? this.negotiated : { ...this.negotiated, passthrough: false };
  }

  attach(port: MessagePort, onMessage: (message: unknown) => void): void {
    this.ports.push({ port, onMessage });
  }

  /** Takes attach() back. */
  detach(port: MessagePort): void {
    const at = this.ports.findIndex((each) => each.port === port);
    if (at >= 0) this.ports.splice(at, 1);
  }

  /** Lets other work of this thread go on between the requests, as if somebody waited for it. */
  async accompany<T>(work: Promise<T>): Promise<T> {
    this.besides++;
    try {
      return await work;
    } finally {
      this.besides--;
    }
  }

  /** Makes run() return soon. */
  stop(): void {
    this.ended = true;
  }

  /**
   * Handles requests until the mount is gone or stop() is called.
   * @throws SysError when the device fails, or the kernel's protocol is too old
   */
  async run(): Promise<void> {
    const poll = new PollSet([this.fd, this.wakeFd, this.options.attention?.fd ?? -1]);
    const patience = this.options.patience ?? new Patience();
    let x = this.take();
    let active = performance.now();
    let answered = false;
    let waited = false;
    try {
      for (let round = 0; !this.ended; round++) {
        const length = this.nextRequest(x);
        // Answers that are promises go on as microtasks, which run only while nothing else does; now and then all that is
        // due gets its turn.
        let turnDue = round % TURN_EVERY === 0;
        if (length > 0) {
          if (waited) patience.note(performance.now() - active);
          waited = false;
          answered = true;
          if (this.handle(x, length)) {
            x = this.take();
            turnDue = true;
          }
        } else if (length === 0 || length === -ENODEV || length === -ECONNABORTED) break;
        else if (length !== -EAGAIN && length !== -EINTR && length !== -ENOENT)
          throw new SysError(-length, "read", "/dev/fuse");
        if ((length < 0 || round % PUMP_EVERY === 0) && this.pump()) answered = turnDue = true;
        if (round % TURN_EVERY === 0) this.options.attention?.attend();
        if (turnDue && this.isAwaited) await turn();
        if (length !== -EAGAIN) continue;
        const now = performance.now();
        if (answered) active = now;
        answered = false;
        waited = true;
        // Whoever shares the processor with us cannot ask while we poll.
        if (!this.companion.follows && patience.allows(now - active)) continue;
        if (await this.sleep(poll)) answered = true;
      }
    } finally {
      await this.companion.close();
      if (this.negotiated !== undefined) this.fs.destroy();
      close(this.wakeFd);
    }
  }

  /** Waits for requests and messages, and takes the messages in. @returns whether there is something to do */
  private async sleep(poll: PollSet): Promise<boolean> {
    const { companion } = this;
    this.options.onIdle?.();
    const { attention } = this.options;
    const due = attention?.attend() ?? -1;
    const waiting = this.isAwaited;
    const most = waiting ? 1 : companion.follows ? FOLLOW_MS : -1;
    let ready = poll.wait(due < 0 || (most >= 0 && most < due) ? most : due);
    if (ready === 0 && !waiting && due < 0) {
      companion.leave();
      ready = poll.wait(-1);
    }
    const told = poll.events(1) !== 0;
    if (told) {
      clearEventFd(this.wakeFd);
      this.pump();
    }
    if (waiting && (told || ready === 0)) await turn();
    return ready > 0;
  }

  /** Whether promises are to settle that need the event loop. */
  private get isAwaited(): boolean {
    return this.dispatcher.outstanding + this.besides > 0;
  }

  private nextRequest(x: Exchange): number {
    const first = this.aside.shift();
    if (first === undefined) return readOnce(this.fd, x.input, x.input.length);
    first.exchange.input.copy(x.input, 0, 0, first.length);
    this.idle.push(first.exchange);
    return first.length;
  }

  /** @returns whether the exchange was detached */
  private handle(x: Exchange, length: number): boolean {
    if (length < IN_HEADER) return false;
    const { opcode } = x;
    if (opcode < OPCODES) Atomics.add(this.counters, opcode, 1);
    this.companion.note(opcode, x.pid);
    if (this.negotiated === undefined) {
      if (opcode !== Op.INIT) {
        x.begin(length);
        write(this.fd, x.output, x.finish(-EIO));
        return false;
      }
      this.initialise(x, length);
      return false;
    }
    return this.dispatcher.dispatch(x, length) === "detached";
  }

  private initialise(x: Exchange, length: number): void {
    x.begin(length);
    const agreed = negotiate(x, this.options.passthrough, this.options.maxStackDepth);
    const code = typeof agreed === "number" ? agreed : 0;
    check(write(this.fd, x.output, x.finish(code)), "write", "/dev/fuse");
    if (typeof agreed === "number")
      throw new SysError(-agreed, "negotiate", "FUSE 7.31 (Linux 5.4) or newer is needed");
    if (agreed === undefined) return;
    this.negotiated = agreed;
    debug("negotiated %o", agreed);
    this.options.onNegotiated?.(agreed);
    this.fs.init(this);
  }

  private take(): Exchange {
    const x = this.idle.pop() ?? new Exchange();
    x.extendedXattr = this.negotiated?.setxattrExt ?? true;
    return x;
  }

  private pump(): boolean {
    let any = false;
    for (const { port, onMessage } of this.ports) {
      for (let got = receiveMessageOnPort(port); got !== undefined; got = receiveMessageOnPort(port)) {
        any = true;
        onMessage(got.message);
      }
    }
    return any;
  }

  openBacking(fd: number): number {
    const id = openBackingFile(this.fd, fd);
    if (id > 0) Atomics.add(this.counters, 0, 1);
    if (id === -EPERM && this.passthroughWorks) {
      this.passthroughWorks = false;
      debug("no passthrough: it needs CAP_SYS_ADMIN; files are read and written in the daemon");
    }
    return id;
  }

  closeBacking(id: number): void {
    Atomics.sub(this.counters, 0, 1);
    closeBackingFile(this.fd, id);
  }

  invalidateInode(node: NodeId, offset: number, length: number): void {
    this.notices.invalidateInode(node, offset, length);
  }

  expireEntry(parent: NodeId, name: RawName): Promise<void> {
    return this.notices.expireEntry(parent, name);
  }

  drainReleases(): void {
    while (this.aside.length < MOST_ASIDE) {
      const x = this.take();
      const length = readOnce(this.fd, x.input, x.input.length);
      if (length <= 0) {
        this.idle.push(x);
        return;
      }
      if (Dispatcher.givesBack(x)) {
        if (x.opcode < OPCODES) Atomics.add(this.counters, x.opcode, 1);
        this.dispatcher.dispatch(x, length);
        this.idle.push(x);
      } else this.aside.push({ exchange: x, length });
    }
  }
}

/** Lets every microtask run that is due, also those that others queue, by a turn of the event loop. */
function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
