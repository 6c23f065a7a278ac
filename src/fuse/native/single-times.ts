import { readForeign, writeForeign } from "../../sys/foreign.js";

// libfuse 2.9 drops a change of only one of the two times, as touch -m and tar -x make it, unless the file system has set
// flag_utime_omit_ok. fuse-native cannot set it, so it is set where libfuse keeps it.

/** Where fuse_thread_t of fuse-native.c has its `struct fuse *`. */
const FUSE = 368;
/** Fields of `struct fuse` (lib/fuse.c of libfuse 2.9, LP64); FS leads to `struct fuse_fs`. */
const AC_ATTR_TIMEOUT_SET = 192;
const USE_INO = 212;
const INTR_SIGNAL = 248;
const FS = 272;
const NULLPATH_OK = 280;
const UTIME_OMIT_OK = 284;
const PAGESIZE = 296;
const FUSE_BYTES = 304;
/** user_data of `struct fuse_fs`: the fuse_thread_t again. */
const USER_DATA = 368;

/**
 * Lets libfuse pass on single times, if its structure is the one that is known: all that can be foretold of it is checked.
 * @param thread the fuse_thread_t of a mount with the options use_ino and ac_attr_timeout
 * @returns whether it will
 */
export function passSingleTimes(thread: Buffer): boolean {
  const address = Number(thread.readBigUInt64LE(FUSE));
  if (address === 0 || address % 16 !== 0) return false;
  const fuse = Buffer.alloc(FUSE_BYTES);
  readForeign(fuse, address);
  const expected: readonly (readonly [field: number, value: number])[] = [
    [AC_ATTR_TIMEOUT_SET, 1],
    [USE_INO, 1],
    [INTR_SIGNAL, 10],
    [NULLPATH_OK, 0],
    [UTIME_OMIT_OK, 0],
    [PAGESIZE, 4096],
  ];
  if (expected.some(([field, value]) => fuse.readInt32LE(field) !== value)) return false;
  const fs = Number(fuse.readBigUInt64LE(FS));
  // Allocated one after the other by malloc(3): what is far away is no such structure and may not even be read.
  if (fs % 16 !== 0 || Math.abs(fs - address) > 2 ** 30) return false;
  const pointer = Buffer.alloc(8);
  readForeign(pointer, fs + USER_DATA);
  const again = Number(pointer.readBigUInt64LE(0));
  if (again % 8 !== 0 || again < 2 ** 16) return false;
  readForeign(pointer, again + FUSE);
  if (Number(pointer.readBigUInt64LE(0)) !== address) return false;
  pointer.writeInt32LE(1, 0);
  writeForeign(address + UTIME_OMIT_OK, pointer, 4);
  return true;
}
