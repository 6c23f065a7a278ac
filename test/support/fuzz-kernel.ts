import { Op } from "../../src/fuse/protocol.js";
import { checkReply, direntsOf, opcodeOf, repliesTo } from "./fuzz-replies.js";
import { RequestMaker } from "./fuzz-requests.js";
import type { Random } from "./random.js";
import { pack, request } from "./wire.js";

const GIVES_NODE: readonly number[] = [
  Op.LOOKUP,
  Op.MKNOD,
  Op.MKDIR,
  Op.SYMLINK,
  Op.LINK,
  Op.CREATE,
  Op.TMPFILE,
];

/** Plays the kernel: makes requests, judges replies, and keeps account of what it was given, as the kernel does. */
export class FuzzKernel {
  readonly nodes = new Map<bigint, number>([[1n, 1]]);
  readonly handles: { node: bigint; handle: bigint }[] = [];
  /** Successful replies. */
  successes = 0;
  private readonly maker: RequestMaker;

  constructor(random: Random) {
    this.maker = new RequestMaker(random, this);
  }

  /** @returns the next request; what it gives back is taken off the account at once */
  next(): Buffer {
    const bytes = this.maker.next();
    if (repliesTo(bytes) === 0 && bytes.length >= 40) this.givesBack(bytes);
    return bytes;
  }

  /** Judges the reply to a request and takes over what it gives. */
  answered(bytes: Buffer, reply: Buffer): void {
    checkReply(bytes, reply);
    if (reply.readInt32LE(4) !== 0) return;
    this.successes++;
    const opcode = opcodeOf(bytes)!;
    const node = bytes.readBigUInt64LE(16);
    const body = reply.subarray(16);
    if (GIVES_NODE.includes(opcode)) this.look(body.readBigUInt64LE(0));
    if (opcode === Op.OPEN) this.handles.push({ node, handle: body.readBigUInt64LE(0) });
    if (opcode === Op.CREATE || opcode === Op.TMPFILE)
      this.handles.push({ node: body.readBigUInt64LE(0), handle: body.readBigUInt64LE(128) });
    if (opcode === Op.READDIRPLUS) for (const given of direntsOf(body, true)) this.look(given);
    if (opcode === Op.RELEASE) this.closed(node, bytes.readBigUInt64LE(40));
  }

  /** @returns requests that give back everything, as unmounting does */
  *farewell(): Generator<Buffer> {
    for (const { node, handle } of [...this.handles])
      yield request({ opcode: Op.RELEASE, node }, pack("QIIQ", handle, 0, 0, 0));
    for (const [node, count] of [...this.nodes])
      if (node !== 1n) yield request({ opcode: Op.FORGET, node }, pack("Q", count));
  }

  private look(node: bigint): void {
    if (node !== 0n) this.nodes.set(node, (this.nodes.get(node) ?? 0) + 1);
  }

  private closed(node: bigint, handle: bigint): void {
    const at = this.handles.findIndex((open) => open.node === node && open.handle === handle);
    if (at >= 0) this.handles.splice(at, 1);
  }

  private givesBack(bytes: Buffer): void {
    const opcode = opcodeOf(bytes);
    if (opcode === Op.FORGET && bytes.length >= 48)
      this.forget(bytes.readBigUInt64LE(16), bytes.readBigUInt64LE(40));
    if (opcode !== Op.BATCH_FORGET || bytes.length < 48) return;
    const count = Math.min(bytes.readUInt32LE(40), Math.floor((bytes.length - 48) / 16));
    for (let i = 0; i < count; i++)
      this.forget(bytes.readBigUInt64LE(48 + i * 16), bytes.readBigUInt64LE(56 + i * 16));
  }

  private forget(node: bigint, count: bigint): void {
    const known = this.nodes.get(node);
    if (known === undefined || node === 1n) return;
    const left = BigInt(known) - count;
    if (left > 0n) this.nodes.set(node, Number(left));
    else this.nodes.delete(node);
  }
}
