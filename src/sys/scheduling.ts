import { cFunction, result } from "./ffi.js";

const cSyscall = cFunction("int64_t syscall(int64_t, int64_t, void *, int64_t)");

const SYS_SCHED_SETATTR = process.arch === "arm64" ? 274 : 314;
/** struct sched_attr, version 0 (linux/sched/types.h) */
const ATTR_SIZE = 48;
const SCHED_FLAG_RESET_ON_FORK = 1;

/**
 * sched_setattr(2) of the calling thread, which stays under SCHED_OTHER; its future threads begin with nice 0 again.
 * @param nice -20 to 19; less than now needs CAP_SYS_NICE
 * @param sliceMicros how long it wants to run at a time (Linux 6.12, ignored before): less gets it a processor sooner
 * @returns 0 or -errno
 */
export function setScheduling(nice: number, sliceMicros: number): number {
  const attr = Buffer.alloc(ATTR_SIZE);
  attr.writeUInt32LE(ATTR_SIZE, 0);
  attr.writeBigUInt64LE(BigInt(SCHED_FLAG_RESET_ON_FORK), 8);
  attr.writeInt32LE(nice, 16);
  attr.writeBigUInt64LE(BigInt(sliceMicros) * 1000n, 24);
  return result(cSyscall(SYS_SCHED_SETATTR, 0, attr, 0));
}
