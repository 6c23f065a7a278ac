import { type RawName, rawFromBuffer } from "../base/bytes.js";
import { MAX_IO } from "../base/limits.js";
import { allocateMemory, type Memory } from "../sys/memory.js";
import { Stat } from "../sys/stat.js";
import type { Caller, Changes, Entry, IoArea, Opened } from "./filesystem.js";
import { ATTR_OUT, IN_HEADER, OUT_HEADER, REQUEST_ROOM } from "./protocol.js";

const TWO_32 = 4294967296;
/** High halves from here on make 64-bit numbers that a double may not hold. */
const MOST_HIGH = 2 ** 21;

/**
 * One request and its reply: memory for both, and the objects that a handler fills. An exchange is used again for the next
 * request, unless its handler answered with a promise; then it belongs to that until it resolves.
 */
export class Exchange {
  readonly request: Memory = allocateMemory(MAX_IO + REQUEST_ROOM);
  readonly reply: Memory = allocateMemory(MAX_IO + REQUEST_ROOM);
  readonly input = this.request.buffer;
  readonly output = this.reply.buffer;
  private readonly view = new DataView(this.output.buffer, this.output.byteOffset, this.output.length);
  private readonly inView = new DataView(this.input.buffer, this.input.byteOffset, this.input.length);
  /** Length of the request in bytes. */
  length = 0;
  /** Whether SETXATTR has the longer header (SETXATTR_EXT). */
  extendedXattr = true;
  /** Length of the reply's body in bytes. */
  body = 0;

  readonly caller: { -readonly [K in keyof Caller]: Caller[K] } = {
    uid: 0,
    gid: 0,
    pid: 0,
    umask: 0,
    onInterrupt: undefined,
  };
  readonly entry: Entry = { node: 0, generation: 0, entryTimeout: 0, attrTimeout: 0, stat: new Stat() };
  readonly opened: Opened = { handle: 0, flags: 0, backingId: 0 };
  readonly changes: Changes = {
    mode: undefined,
    uid: undefined,
    gid: undefined,
    size: undefined,
    atime: undefined,
    atimeNs: 0,
    mtime: undefined,
    mtimeNs: 0,
    handle: undefined,
    killPrivileges: false,
  };
  /** Where handlers put bytes: straight into the reply. */
  readonly out: IoArea = {
    address: this.reply.address + OUT_HEADER,
    buffer: this.output.subarray(OUT_HEADER),
  };
  /** Where the data of a write lies. */
  readonly data: IoArea = {
    address: this.request.address + IN_HEADER + 40,
    buffer: this.input.subarray(IN_HEADER + 40),
  };

  // Header of the request.

  get opcode(): number {
    return this.inView.getUint32(4, true);
  }
  get declaredLength(): number {
    return this.inView.getUint32(0, true);
  }
  get node(): number {
    return this.rawU64(16);
  }
  /** Thread of the caller, 0 when nobody waits. */
  get pid(): number {
    return this.inView.getUint32(32, true);
  }
  /** Identity of the request, for INTERRUPT. */
  get unique(): number {
    return this.rawU64(8);
  }

  /** Takes over the caller from the header. */
  begin(length: number): void {
    this.length = length;
    this.body = 0;
    this.caller.uid = this.inView.getUint32(24, true);
    this.caller.gid = this.inView.getUint32(28, true);
    this.caller.pid = this.inView.getUint32(32, true);
    this.caller.umask = 0;
    this.caller.onInterrupt = undefined;
    // Handlers fill in what they have; nothing of an earlier answer may shine through.
    const { entry, opened } = this;
    entry.node = entry.generation = entry.entryTimeout = entry.attrTimeout = 0;
    opened.handle = opened.flags = opened.backingId = 0;
  }

  // Body of the request; offsets count from its start.

  /** Bytes of the request's body. */
  get size(): number {
    return this.length - IN_HEADER;
  }
  u32(offset: number): number {
    return this.inView.getUint32(IN_HEADER + offset, true);
  }
  u64(offset: number): number {
    return this.rawU64(IN_HEADER + offset);
  }
  i64(offset: number): number {
    const low = this.inView.getUint32(IN_HEADER + offset, true);
    return this.inView.getInt32(IN_HEADER + offset + 4, true) * TWO_32 + low;
  }
  big(offset: number): bigint {
    return this.inView.getBigUint64(IN_HEADER + offset, true);
  }
  /** Whether the 64 bits at offset are a number that is carried exactly: no file is as large as the others. */
  isExact(offset: number): boolean {
    return this.inView.getUint32(IN_HEADER + offset + 4, true) < MOST_HIGH;
  }
  private rawU64(at: number): number {
    return this.inView.getUint32(at + 4, true) * TWO_32 + this.inView.getUint32(at, true);
  }

  /** Where the last name() ended, after its NUL. */
  nameEnd = 0;

  /** @returns the NUL-terminated bytes at offset, or undefined when no NUL ends them within the request */
  text(offset: number): RawName | undefined {
    const start = IN_HEADER + offset;
    if (start >= this.length) return undefined;
    const end = this.input.indexOf(0, start);
    if (end < 0 || end >= this.length) return undefined;
    this.nameEnd = end + 1 - IN_HEADER;
    return rawFromBuffer(this.input, start, end);
  }

  /** @returns bytes of the request as a copy of their own */
  bytes(offset: number, length: number): Buffer {
    return Buffer.from(this.input.subarray(IN_HEADER + offset, IN_HEADER + offset + length));
  }

  // The reply.

  /** Completes the header. @param error 0 or -errno. @returns length of the whole reply */
  finish(error: number): number {
    const length = error < 0 ? OUT_HEADER : OUT_HEADER + this.body;
    this.view.setUint32(0, length, true);
    this.view.setInt32(4, error, true);
    this.view.setUint32(8, this.inView.getUint32(8, true), true);
    this.view.setUint32(12, this.inView.getUint32(12, true), true);
    return length;
  }

  put32(offset: number, value: number): void {
    this.view.setUint32(OUT_HEADER + offset, value >>> 0, true);
  }
  put64(offset: number, value: number): void {
    this.view.setUint32(OUT_HEADER + offset, (value % TWO_32) >>> 0, true);
    this.view.setInt32(OUT_HEADER + offset + 4, Math.floor(value / TWO_32), true);
  }
  putBig(offset: number, value: bigint): void {
    this.view.setBigUint64(OUT_HEADER + offset, BigInt.asUintN(64, value), true);
  }
  /** What put32 has put. */
  given32(offset: number): number {
    return this.view.getUint32(OUT_HEADER + offset, true);
  }
  /** What put64 has put. */
  given64(offset: number): number {
    return this.view.getInt32(OUT_HEADER + offset + 4, true) * TWO_32 + this.given32(offset);
  }
  putName(offset: number, name: RawName): void {
    this.output.latin1Write(name, OUT_HEADER + offset);
  }
  zero(offset: number, length: number): void {
    this.output.fill(0, OUT_HEADER + offset, OUT_HEADER + offset + length);
  }

  /** struct fuse_attr, 88 bytes */
  putAttr(offset: number, stat: Stat): void {
    this.put64(offset, stat.ino);
    this.put64(offset + 8, stat.size);
    this.put64(offset + 16, stat.blocks);
    this.put64(offset + 24, stat.atime);
    this.put64(offset + 32, stat.mtime);
    this.put64(offset + 40, stat.ctime);
    this.put32(offset + 48, stat.atimeNs);
    this.put32(offset + 52, stat.mtimeNs);
    this.put32(offset + 56, stat.ctimeNs);
    this.put32(offset + 60, stat.mode);
    this.put32(offset + 64, stat.nlink);
    this.put32(offset + 68, stat.uid);
    this.put32(offset + 72, stat.gid);
    this.put32(offset + 76, encodeDevice(stat.rdevMajor, stat.rdevMinor));
    this.put32(offset + 80, stat.blksize);
    this.put32(offset + 84, 0);
  }

  /** struct fuse_attr_out */
  putAttrOut(offset: number, stat: Stat, timeout: number): void {
    this.putTimeout(offset, offset + 8, timeout);
    this.put32(offset + 12, 0);
    this.putAttr(offset + 16, stat);
    this.body = Math.max(this.body, offset + ATTR_OUT);
  }

  /** struct fuse_entry_out, 128 bytes */
  putEntry(offset: number, entry: Entry): void {
    this.put64(offset, entry.node);
    this.put64(offset + 8, entry.generation);
    this.putTimeout(offset + 16, offset + 32, entry.entryTimeout);
    this.putTimeout(offset + 24, offset + 36, entry.attrTimeout);
    if (entry.node === 0) this.zero(offset + 40, 88);
    else this.putAttr(offset + 40, entry.stat);
  }

  private putTimeout(seconds: number, nanoseconds: number, milliseconds: number): void {
    this.put64(seconds, Math.floor(milliseconds / 1000));
    this.put32(nanoseconds, Math.floor(milliseconds % 1000) * 1e6);
  }
}

/** The kernel's 32-bit packing of a device number (new_encode_dev). */
function encodeDevice(major: number, minor: number): number {
  return ((minor & 0xff) | (major << 8) | ((minor & ~0xff) << 12)) >>> 0;
}
