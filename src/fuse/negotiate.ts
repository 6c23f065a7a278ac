import { MAX_IO } from "../base/limits.js";
import { EPROTO } from "../sys/errno.js";
import type { Exchange } from "./exchange.js";
import type { Features } from "./filesystem.js";
import { InitBit } from "./protocol.js";

const MAJOR = 7;
const OLDEST_MINOR = 31;
const NEWEST_MINOR = 45;
const MAX_BACKGROUND = 64;
const MAX_READAHEAD = 1 << 20;
/** struct fuse_init_out since 7.23 */
const INIT_OUT = 64;

/**
 * READDIRPLUS_AUTO is not among them: only the first reply of a listing would carry attributes then, and whoever lists a
 * large directory mostly asks for every name in it next (find, rm -r, git status).
 */
const wanted: readonly number[] = [
  InitBit.ASYNC_READ,
  InitBit.ATOMIC_O_TRUNC,
  InitBit.BIG_WRITES,
  InitBit.DONT_MASK,
  InitBit.AUTO_INVAL_DATA,
  InitBit.DO_READDIRPLUS,
  InitBit.PARALLEL_DIROPS,
  InitBit.POSIX_ACL,
  InitBit.MAX_PAGES,
  InitBit.CACHE_SYMLINKS,
  InitBit.NO_OPENDIR_SUPPORT,
  InitBit.HANDLE_KILLPRIV_V2,
  InitBit.SETXATTR_EXT,
  InitBit.INIT_EXT,
];

/** What an INIT request was answered with. */
export interface Negotiated extends Features {
  readonly setxattrExt: boolean;
}

/**
 * Answers INIT (struct fuse_init_in/out, linux/fuse.h).
 * @param passthrough ask for it when the kernel has it
 * @param maxStackDepth 1, or 2 for a store on a stacked file system
 * @returns what was agreed on, or undefined when the kernel has to ask again with an older major version;
 * -errno when it is too old
 */
export function negotiate(
  x: Exchange,
  passthrough: boolean,
  maxStackDepth: number,
): Negotiated | undefined | number {
  if (x.size < 16) return -EPROTO;
  const major = x.u32(0);
  const minor = x.u32(4);
  x.zero(0, INIT_OUT);
  x.put32(0, MAJOR);
  x.put32(4, Math.min(minor, NEWEST_MINOR));
  if (major > MAJOR) {
    x.put32(4, NEWEST_MINOR);
    x.body = INIT_OUT;
    return undefined;
  }
  if (major < MAJOR || minor < OLDEST_MINOR) return -EPROTO;
  const low = x.u32(12);
  const extended = (low & (1 << InitBit.INIT_EXT)) !== 0 && x.size >= 20;
  const high = extended ? x.u32(16) : 0;
  const offered = (bit: number): boolean => ((bit < 32 ? low >>> bit : high >>> (bit - 32)) & 1) === 1;
  const ask = passthrough ? [...wanted, InitBit.PASSTHROUGH] : wanted;
  const agreed = new Set(ask.filter(offered));
  let flags = 0;
  let flags2 = 0;
  for (const bit of agreed) {
    if (bit < 32) flags |= 1 << bit;
    else flags2 |= 1 << (bit - 32);
  }
  const through = agreed.has(InitBit.PASSTHROUGH);
  x.put32(8, Math.max(x.u32(8), MAX_READAHEAD));
  x.put32(12, flags);
  // max_background and congestion_threshold, 16 bits each.
  x.put32(16, MAX_BACKGROUND | (Math.floor((MAX_BACKGROUND * 3) / 4) << 16));
  x.put32(20, MAX_IO);
  x.put32(24, 1);
  x.put32(28, MAX_IO / 4096);
  x.put32(32, flags2);
  x.put32(36, through ? maxStackDepth : 0);
  x.body = INIT_OUT;
  return {
    minor: Math.min(minor, NEWEST_MINOR),
    passthrough: through,
    killPrivV2: agreed.has(InitBit.HANDLE_KILLPRIV_V2),
    readdirPlus: agreed.has(InitBit.DO_READDIRPLUS),
    noOpendir: agreed.has(InitBit.NO_OPENDIR_SUPPORT),
    setxattrExt: agreed.has(InitBit.SETXATTR_EXT),
  };
}
