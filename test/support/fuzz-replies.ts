import assert from "node:assert/strict";
import { Op } from "../../src/fuse/protocol.js";

const ENTRY = 128;
const SIZES: Readonly<Record<number, number>> = {
  [Op.LOOKUP]: ENTRY,
  [Op.MKNOD]: ENTRY,
  [Op.MKDIR]: ENTRY,
  [Op.SYMLINK]: ENTRY,
  [Op.LINK]: ENTRY,
  [Op.GETATTR]: 104,
  [Op.SETATTR]: 104,
  [Op.OPEN]: 16,
  [Op.CREATE]: ENTRY + 16,
  [Op.TMPFILE]: ENTRY + 16,
  [Op.WRITE]: 8,
  [Op.STATFS]: 80,
  [Op.LSEEK]: 8,
  [Op.COPY_FILE_RANGE]: 8,
  [Op.COPY_FILE_RANGE_64]: 8,
  [Op.STATX]: 288,
};
/** Where the request says how much room its reply has. */
const ROOMS: Readonly<Record<number, number>> = {
  [Op.READ]: 16,
  [Op.READDIR]: 16,
  [Op.READDIRPLUS]: 16,
  [Op.GETXATTR]: 0,
  [Op.LISTXATTR]: 0,
};
const UNANSWERED: readonly number[] = [Op.FORGET, Op.BATCH_FORGET, Op.INTERRUPT];

/** The opcode of a request, or undefined of one that is too short to have a header. */
export function opcodeOf(request: Buffer): number | undefined {
  return request.length < 40 ? undefined : request.readUInt32LE(4);
}

/** How many replies a request must get. */
export function repliesTo(request: Buffer): 0 | 1 {
  const opcode = opcodeOf(request);
  if (opcode === undefined) return 0;
  if (request.readUInt32LE(0) !== request.length) return 1;
  return UNANSWERED.includes(opcode) ? 0 : 1;
}

/** Fails unless the kernel would take the reply (fuse_dev_do_write and the callers of its requests). */
export function checkReply(request: Buffer, reply: Buffer): void {
  assert.ok(reply.length >= 16, "a reply has a header");
  assert.equal(reply.readUInt32LE(0), reply.length, "the length in the header is right");
  assert.equal(reply.readBigUInt64LE(8), request.readBigUInt64LE(8), "the reply is to this request");
  const error = reply.readInt32LE(4);
  assert.ok(error <= 0 && error > -512, `errno ${error}`);
  const opcode = opcodeOf(request)!;
  if (error < 0) {
    assert.equal(reply.length, 16, "an error has no body");
    return;
  }
  const body = reply.length - 16;
  const room = ROOMS[opcode];
  if (room === undefined) {
    if (opcode === Op.READLINK) assert.ok(body < 4096, "a link is shorter than PATH_MAX");
    else assert.equal(body, SIZES[opcode] ?? 0, `size of the reply to opcode ${opcode}`);
    return;
  }
  const asked = request.readUInt32LE(40 + room);
  const sizeOnly = asked === 0 && (opcode === Op.GETXATTR || opcode === Op.LISTXATTR);
  if (sizeOnly) assert.equal(body, 8);
  else assert.ok(body <= asked, `${body} bytes, asked for ${asked}`);
  if (opcode === Op.READDIR || opcode === Op.READDIRPLUS)
    direntsOf(reply.subarray(16), opcode === Op.READDIRPLUS);
}

/** @returns the nodes that a listing gives; fails unless its entries fill it exactly */
export function direntsOf(body: Buffer, plus: boolean): bigint[] {
  const nodes: bigint[] = [];
  const before = plus ? ENTRY : 0;
  let at = 0;
  while (at < body.length) {
    assert.ok(at + before + 24 <= body.length, "an entry is whole");
    const length = body.readUInt32LE(at + before + 16);
    assert.ok(length > 0 && length <= 255, `a name of ${length} bytes`);
    const node = plus ? body.readBigUInt64LE(at) : 0n;
    if (node !== 0n) nodes.push(node);
    at += (before + 24 + length + 7) & ~7;
  }
  assert.equal(at, body.length, "entries fill the listing exactly");
  return nodes;
}
