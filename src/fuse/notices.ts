import type { RawName } from "../base/bytes.js";
import { log } from "../base/log.js";
import { ENOENT } from "../sys/errno.js";
import { write } from "../sys/file.js";
import { allocateMemory, type Memory } from "../sys/memory.js";
import type { BlockingPool } from "../sys/pool.js";
import type { NodeId } from "./filesystem.js";
import { FUSE_EXPIRE_ONLY, NOTIFY_INVAL_ENTRY, NOTIFY_INVAL_INODE } from "./protocol.js";

const debug = log("fuse");
/** Headers, a name and its NUL. */
const ROOM = 4096;
/** struct fuse_out_header */
const HEADER = 16;
/** With struct fuse_notify_inval_inode_out. */
const INVAL_INODE = HEADER + 24;
/** With struct fuse_notify_inval_entry_out; the name follows. */
const INVAL_ENTRY = HEADER + 16;

/** What a mount tells the kernel without being asked (linux/fuse.h, enum fuse_notify_code). */
export class Notices {
  private readonly inode = Buffer.alloc(INVAL_INODE);
  private readonly idle: Memory[] = [];

  /**
   * @param fd the mount's /dev/fuse
   * @param pool sends what may wait in the kernel
   */
  constructor(
    private readonly fd: number,
    private readonly pool: Pick<BlockingPool, "call">,
  ) {}

  /** See SessionControl. */
  invalidateInode(node: NodeId, offset: number, length: number): void {
    // Attributes alone (offset < 0) never wait. Pages may be locked by a read that waits for us, so a
    // range is not invalidated from here: no caller needs it, since committed data cannot change.
    if (offset >= 0) throw new Error("page ranges cannot be invalidated from the session's own thread");
    const { inode } = this;
    header(inode, INVAL_INODE, NOTIFY_INVAL_INODE);
    inode.writeBigUInt64LE(BigInt(node), 16);
    inode.writeBigInt64LE(BigInt(offset), 24);
    inode.writeBigInt64LE(BigInt(length), 32);
    sent(write(this.fd, inode, INVAL_INODE));
  }

  /** See SessionControl. */
  async expireEntry(parent: NodeId, name: RawName): Promise<void> {
    const length = INVAL_ENTRY + name.length + 1;
    // Of its own, since the thread that sends it may still wait when the next one comes.
    const memory = this.idle.pop() ?? allocateMemory(ROOM);
    const { buffer } = memory;
    header(buffer, length, NOTIFY_INVAL_ENTRY);
    buffer.writeBigUInt64LE(BigInt(parent), 16);
    buffer.writeUInt32LE(name.length, 24);
    buffer.writeUInt32LE(FUSE_EXPIRE_ONLY, 28);
    buffer.latin1Write(name, INVAL_ENTRY);
    buffer[length - 1] = 0;
    sent(await this.pool.call("write", this.fd, memory.address, length));
    this.idle.push(memory);
  }
}

/** struct fuse_out_header of a notification */
function header(notice: Buffer, length: number, code: number): void {
  notice.fill(0, 0, HEADER);
  notice.writeUInt32LE(length, 0);
  notice.writeInt32LE(code, 4);
}

/** @param code what writing a notification answered */
function sent(code: number): void {
  // ENOENT: the kernel does not know the node or the name, so there is nothing to invalidate.
  if (code < 0 && code !== -ENOENT) debug("notification was refused: errno %d", -code);
}
