import { log } from "../base/log.js";
import { EINVAL, EIO, ENOSYS } from "../sys/errno.js";
import { nodesOf } from "./dir-reply.js";
import type { Exchange } from "./exchange.js";
import type { FileSystem } from "./filesystem.js";
import { handlers } from "./handlers.js";
import { IN_HEADER, LARGEST_ERRNO, Op } from "./protocol.js";

const debug = log("fuse");

/** Delivers a reply. @returns 0 or -errno; ENOENT when nobody waits for it any more */
export type Transport = (exchange: Exchange, length: number) => number;

/** Requests whose reply gives a node to the kernel, which counts it as looked up. */
const GIVES_NODE: ReadonlySet<number> = new Set([
  Op.LOOKUP,
  Op.MKDIR,
  Op.MKNOD,
  Op.SYMLINK,
  Op.LINK,
  Op.CREATE,
  Op.TMPFILE,
]);

/** Requests for which nobody waits. */
const UNANSWERED: ReadonlySet<number> = new Set([Op.FORGET, Op.BATCH_FORGET, Op.INTERRUPT]);

/** What became of a request: its exchange may be used again, or belongs to a promise. */
export type Outcome = "done" | "detached";

/**
 * Turns requests into calls of the file system and their answers into replies. Knows no device, so that it can be fed
 * with anything. Whatever the request, the answer is at worst an errno.
 */
export class Dispatcher {
  /** Requests whose answer is a promise, by their unique. */
  private readonly pending = new Map<number, Exchange>();
  private detached = 0;
  /** Requests that failed because a handler threw; a bug, but one that harms its caller only. */
  failures = 0;

  /**
   * @param release gives an exchange back that a promise held
   * @param transport sends replies
   */
  constructor(
    private readonly fs: FileSystem,
    private readonly transport: Transport,
    private readonly release: (exchange: Exchange) => void,
  ) {}

  /** How many answers are outstanding. */
  get outstanding(): number {
    return this.detached;
  }

  /** @param length bytes that were read into x.input */
  dispatch(x: Exchange, length: number): Outcome {
    if (length < IN_HEADER) return "done";
    x.begin(length);
    if (x.declaredLength !== length) return this.reply(x, -EINVAL);
    try {
      if (this.housekeeping(x)) return "done";
      const entry = handlers.get(x.opcode);
      if (entry === undefined) return this.reply(x, -ENOSYS);
      if (x.size < entry.least || !Number.isSafeInteger(x.node)) return this.reply(x, -EINVAL);
      if (entry.wide !== undefined && !entry.wide.every((at) => x.isExact(at)))
        return this.reply(x, -(entry.beyond ?? EINVAL));
      const answer = entry.handle(x, this.fs);
      if (typeof answer === "number") return this.reply(x, answer);
      this.detach(x, answer);
      return "detached";
    } catch (error) {
      const errno = this.failed(x.opcode, error);
      return UNANSWERED.has(x.opcode) ? "done" : this.reply(x, errno);
    }
  }

  private detach(x: Exchange, answer: Promise<number>): void {
    const { unique } = x;
    this.pending.set(unique, x);
    this.detached++;
    answer
      .catch((error: unknown) => this.failed(x.opcode, error))
      .then((value) => {
        this.detached--;
        if (this.pending.get(unique) === x) this.pending.delete(unique);
        this.reply(x, value);
        this.release(x);
      })
      .catch((error: unknown) => this.failed(x.opcode, error));
  }

  private failed(opcode: number, error: unknown): number {
    this.failures++;
    debug("request with opcode %d failed: %O", opcode, error);
    return -EIO;
  }

  private reply(x: Exchange, answer: number): Outcome {
    // The kernel takes no errno beyond and would let the caller wait for ever.
    const length = x.finish(answer < -LARGEST_ERRNO ? -EIO : Math.min(0, answer));
    if (this.transport(x, length) < 0 && answer >= 0) this.undo(x);
    return "done";
  }

  /** The caller was killed before its reply came: what it was given must be taken back. */
  private undo(x: Exchange): void {
    const { opcode } = x;
    if (opcode === Op.OPEN) this.fs.release(x.node, x.opened.handle);
    if (opcode === Op.CREATE || opcode === Op.TMPFILE) this.fs.release(x.entry.node, x.opened.handle);
    if (GIVES_NODE.has(opcode) && x.entry.node !== 0) this.fs.forget(x.entry.node, 1);
    if (opcode === Op.READDIRPLUS) for (const node of nodesOf(x)) this.fs.forget(node, 1);
  }

  /** Whether the request only gives something back, so that it may be handled ahead of others. */
  static givesBack(x: Exchange): boolean {
    const { opcode } = x;
    return opcode === Op.RELEASE || opcode === Op.FORGET || opcode === Op.BATCH_FORGET;
  }

  /** @returns whether the request was one of those that the file system is not asked about */
  private housekeeping(x: Exchange): boolean {
    switch (x.opcode) {
      case Op.FORGET:
        if (x.size >= 8) this.fs.forget(x.node, x.u64(0));
        return true;
      case Op.BATCH_FORGET:
        this.batchForget(x);
        return true;
      case Op.INTERRUPT:
        this.interrupt(x);
        return true;
      case Op.RELEASE:
        if (x.size >= 8) this.fs.release(x.node, x.u64(0));
        this.reply(x, x.size >= 8 ? 0 : -EINVAL);
        return true;
      case Op.DESTROY:
        this.reply(x, 0);
        return true;
      default:
        return false;
    }
  }

  private batchForget(x: Exchange): void {
    if (x.size < 8) return;
    const count = Math.min(x.u32(0), Math.floor((x.size - 8) / 16));
    for (let i = 0; i < count; i++) this.fs.forget(x.u64(8 + i * 16), x.u64(16 + i * 16));
  }

  private interrupt(x: Exchange): void {
    if (x.size < 8) return;
    const target = this.pending.get(x.u64(0));
    const tell = target?.caller.onInterrupt;
    if (target === undefined || tell === undefined) return;
    target.caller.onInterrupt = undefined;
    tell();
  }
}
