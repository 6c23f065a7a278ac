import type { Stat } from "../sys/stat.js";
import type { Exchange } from "./exchange.js";
import { ENTRY_OUT, FOPEN_PASSTHROUGH, OPEN_OUT } from "./protocol.js";

/** The reply of everything that leads to a node. @returns 0 */
export function entryReply(x: Exchange): number {
  x.putEntry(0, x.entry);
  x.body = ENTRY_OUT;
  return 0;
}

/** struct fuse_open_out at offset. @returns 0 */
export function openReply(x: Exchange, offset: number): number {
  const { handle, flags, backingId } = x.opened;
  x.put64(offset, handle);
  x.put32(offset + 8, flags | (backingId > 0 ? FOPEN_PASSTHROUGH : 0));
  x.put32(offset + 12, backingId);
  x.body = offset + OPEN_OUT;
  return 0;
}

const STATX_BASIC_AND_BTIME = 0xfff;

/** struct fuse_statx_out: timeouts as in attr_out, then struct fuse_statx (linux/fuse.h, 7.39). @returns 0 */
export function statxReply(x: Exchange, stat: Stat): number {
  const at = 32;
  x.zero(0, at + 256);
  x.put64(0, Math.floor(x.entry.attrTimeout / 1000));
  x.put32(8, (x.entry.attrTimeout % 1000) * 1e6);
  x.put32(at, stat.mask & STATX_BASIC_AND_BTIME);
  x.put32(at + 4, stat.blksize);
  x.put32(at + 16, stat.nlink);
  x.put32(at + 20, stat.uid);
  x.put32(at + 24, stat.gid);
  x.put32(at + 28, stat.mode & 0xffff);
  x.put64(at + 32, stat.ino);
  x.put64(at + 40, stat.size);
  x.put64(at + 48, stat.blocks);
  const times: readonly (readonly [number, number])[] = [
    [stat.atime, stat.atimeNs],
    [stat.btime, stat.btimeNs],
    [stat.ctime, stat.ctimeNs],
    [stat.mtime, stat.mtimeNs],
  ];
  times.forEach(([seconds, nanoseconds], index) => {
    x.put64(at + 64 + index * 16, seconds);
    x.put32(at + 72 + index * 16, nanoseconds);
  });
  x.put32(at + 128, stat.rdevMajor);
  x.put32(at + 132, stat.rdevMinor);
  x.body = at + 256;
  return 0;
}
