import { ENOTTY, EOPNOTSUPP } from "./errno.js";
import { ioctl } from "./file.js";

/** FS_IOC_FIEMAP (linux/fs.h): _IOWR('f', 11, struct fiemap). */
const FS_IOC_FIEMAP = 0xc020660b;
/** Writes back delayed allocations first (linux/fiemap.h). */
const FIEMAP_FLAG_SYNC = 1;
const FIEMAP_EXTENT_LAST = 1;
const FIEMAP_EXTENT_SHARED = 0x2000;
/** sizeof(struct fiemap) without extents, and sizeof(struct fiemap_extent). */
const HEADER = 32;
const EXTENT = 56;
const COUNT = 256;

const buffer = Buffer.alloc(HEADER + COUNT * EXTENT);

/**
 * Adds up the extents of a file that another file shares (FIEMAP).
 * @param fd of a regular file
 * @returns bytes, or -errno; EOPNOTSUPP where the file system has no such list
 */
export function sharedBytes(fd: number): number {
  let shared = 0;
  for (let start = 0n; ; ) {
    buffer.fill(0, 0, HEADER);
    buffer.writeBigUInt64LE(start, 0);
    buffer.writeBigUInt64LE(0xffffffffffffffffn - start, 8);
    buffer.writeUInt32LE(FIEMAP_FLAG_SYNC, 16);
    buffer.writeUInt32LE(COUNT, 24);
    const code = ioctl(fd, FS_IOC_FIEMAP, buffer);
    if (code < 0) return code === -ENOTTY ? -EOPNOTSUPP : code;
    const mapped = buffer.readUInt32LE(20);
    if (mapped === 0) return shared;
    let flags = 0;
    for (let i = 0; i < mapped; i++) {
      const at = HEADER + i * EXTENT;
      const length = buffer.readBigUInt64LE(at + 16);
      flags = buffer.readUInt32LE(at + 40);
      if ((flags & FIEMAP_EXTENT_SHARED) !== 0) shared += Number(length);
      start = buffer.readBigUInt64LE(at) + length;
    }
    if ((flags & FIEMAP_EXTENT_LAST) !== 0) return shared;
  }
}
