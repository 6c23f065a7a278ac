import { ENOTTY, EOPNOTSUPP } from "./errno.js";
import { ioctl } from "./file.js";

/** _IOWR('f', 11, struct fiemap) (linux/fs.h). */
const FS_IOC_FIEMAP = 0xc020660b;
const FIEMAP_FLAG_SYNC = 1;
const FIEMAP_EXTENT_LAST = 0x1;
const FIEMAP_EXTENT_SHARED = 0x2000;
/** Extents whose address says nothing of what is in them: UNKNOWN, DELALLOC, ENCODED, ENCRYPTED, NOT_ALIGNED, INLINE, TAIL, UNWRITTEN. */
const UNTELLING = 0x2 | 0x4 | 0x8 | 0x80 | 0x100 | 0x200 | 0x400 | 0x800;
/** sizeof(struct fiemap) and sizeof(struct fiemap_extent) (linux/fiemap.h). */
const HEAD = 32;
const EXTENT = 56;
/** So many are asked for at a time; files in more pieces are compared by reading them. */
const MOST_EXTENTS = 512;

const first = Buffer.alloc(HEAD + MOST_EXTENTS * EXTENT);
const second = Buffer.alloc(HEAD + MOST_EXTENTS * EXTENT);

/**
 * Whether two files of one file system are known to have the same content, because all their data is in the same
 * blocks (FS_IOC_FIEMAP, after what is dirty was written). Of reflinks nobody has changed that is true.
 * @returns false when they are not, or when nobody can tell
 */
export function shareAllExtents(a: number, b: number): boolean {
  const count = extents(a, first);
  if (count < 0 || extents(b, second) !== count) return false;
  for (let i = 0; i < count; i++) {
    const at = HEAD + i * EXTENT;
    // fe_logical, fe_physical, fe_length.
    if (first.compare(second, at, at + 24, at, at + 24) !== 0) return false;
    if (((first.readUInt32LE(at + 40) | second.readUInt32LE(at + 40)) & UNTELLING) !== 0) return false;
  }
  return true;
}

/**
 * Adds up the extents of a file that another file shares.
 * @param fd of a regular file
 * @returns bytes, or -errno; EOPNOTSUPP where the file system has no such list
 */
export function sharedBytes(fd: number): number {
  let shared = 0;
  for (let start = 0n; ; ) {
    const count = mapExtents(fd, first, start);
    if (count < 0) return count === -ENOTTY ? -EOPNOTSUPP : count;
    if (count === 0) return shared;
    for (let at = HEAD; at < HEAD + count * EXTENT; at += EXTENT) {
      const length = first.readBigUInt64LE(at + 16);
      if ((first.readUInt32LE(at + 40) & FIEMAP_EXTENT_SHARED) !== 0) shared += Number(length);
      start = first.readBigUInt64LE(at) + length;
    }
    if (isLast(first, count)) return shared;
  }
}

/** @returns how many extents the file has, or a negative number when they are not all known */
function extents(fd: number, buffer: Buffer): number {
  const count = mapExtents(fd, buffer, 0n);
  return count <= 0 || isLast(buffer, count) ? count : -1;
}

/** @returns how many extents from start on are in the buffer now, or -errno */
function mapExtents(fd: number, buffer: Buffer, start: bigint): number {
  buffer.fill(0, 0, HEAD);
  buffer.writeBigUInt64LE(start, 0);
  buffer.writeBigUInt64LE(0xffffffffffffffffn - start, 8);
  buffer.writeUInt32LE(FIEMAP_FLAG_SYNC, 16);
  buffer.writeUInt32LE(MOST_EXTENTS, 24);
  const code = ioctl(fd, FS_IOC_FIEMAP, buffer);
  return code < 0 ? code : buffer.readUInt32LE(20);
}

/** Whether no extent follows the first so many. */
function isLast(buffer: Buffer, count: number): boolean {
  return (buffer.readUInt32LE(HEAD + (count - 1) * EXTENT + 40) & FIEMAP_EXTENT_LAST) !== 0;
}
