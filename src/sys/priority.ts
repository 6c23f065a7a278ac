import { cFunction, result } from "./ffi.js";

const cSetpriority = cFunction("int setpriority(int, unsigned int, int)");
const cSyscall = cFunction("int64_t syscall(int64_t, int64_t, int64_t, int64_t)");

const SYS_IOPRIO_SET = process.arch === "arm64" ? 30 : 251;
const PRIO_PROCESS = 0;
const IOPRIO_WHO_PROCESS = 1;
/** IOPRIO_CLASS_IDLE, in the upper bits (linux/ioprio.h). */
const IOPRIO_IDLE = 3 << 13;

/**
 * setpriority(2) of the calling thread: on Linux each thread has a nice value of its own.
 * @param nice -20 (before all others) to 19 (only what nobody else wants); a lower one than now needs CAP_SYS_NICE
 * @returns 0 or -errno
 */
export function setNice(nice: number): number {
  return result(cSetpriority(PRIO_PROCESS, 0, nice));
}

/** ioprio_set(2) of the calling thread: its disk accesses wait for those of others. @returns 0 or -errno */
export function setIdleIo(): number {
  return result(cSyscall(SYS_IOPRIO_SET, IOPRIO_WHO_PROCESS, 0, IOPRIO_IDLE));
}
