import { cFunction, result } from "./ffi.js";

// All of these act on the calling thread alone: they are raw system calls, or calls that glibc does
// not broadcast to the other threads (nptl(7)).
const cSyscall = cFunction("int64_t syscall(int64_t, int64_t, void *, int64_t, int64_t, int64_t, int64_t)");
const cSetfsuid = cFunction("int setfsuid(unsigned int)");
const cSetfsgid = cFunction("int setfsgid(unsigned int)");
const cPrctl = cFunction("int prctl(int, unsigned long, unsigned long, unsigned long, unsigned long)");
const cUnshare = cFunction("int unshare(int)");
const cUmask = cFunction("int umask(int)");

const arm = process.arch === "arm64";
const SYS_SETGROUPS = arm ? 159 : 116;
const SYS_CAPGET = arm ? 90 : 125;
const SYS_CAPSET = arm ? 91 : 126;
const PR_SET_SECUREBITS = 28;
/** Keeps capabilities when fsuid changes (capabilities(7)). */
const SECBIT_NO_SETUID_FIXUP = 4;
const CLONE_FS = 0x200;
/** _LINUX_CAPABILITY_VERSION_3 */
const CAPABILITY_VERSION = 0x20080522;

export const CAP_DAC_OVERRIDE = 1;
export const CAP_DAC_READ_SEARCH = 2;
export const CAP_FOWNER = 3;
export const CAP_FSETID = 4;
export const CAP_MKNOD = 27;
export const CAP_SYS_ADMIN = 21;
export const CAP_SYS_RESOURCE = 24;

/** Gives this thread a umask and working directory of its own (unshare(2) CLONE_FS). @returns 0 or -errno */
export function unshareFs(): number {
  return result(cUnshare(CLONE_FS));
}

/** Lets this thread keep its capabilities whatever its fsuid becomes. @returns 0 or -errno */
export function keepCapabilities(): number {
  return result(cPrctl(PR_SET_SECUREBITS, SECBIT_NO_SETUID_FIXUP, 0, 0, 0));
}

/** setfsuid(2) of this thread; glibc calls the kernel for the calling thread only. */
export function setFsUid(uid: number): void {
  cSetfsuid(uid);
}

/** setfsgid(2) of this thread. */
export function setFsGid(gid: number): void {
  cSetfsgid(gid);
}

/** setgroups(2) of this thread. @returns 0 or -errno */
export function setGroups(groups: readonly number[]): number {
  const list = new Uint8Array(Uint32Array.from(groups).buffer);
  return result(cSyscall(SYS_SETGROUPS, groups.length, list, 0, 0, 0, 0));
}

/** umask(2): of the process, or of the thread after unshareFs. @returns the former mask */
export function setUmask(mask: number): number {
  return cUmask(mask);
}

const capHeader = Buffer.alloc(8);
capHeader.writeUInt32LE(CAPABILITY_VERSION, 0);
const capData = Buffer.alloc(24);
const cCap = cFunction("int64_t syscall(int64_t, void *, void *, int64_t, int64_t, int64_t, int64_t)");

/** @returns this thread's effective capabilities as a bit set of the first 32, or -errno */
export function effectiveCapabilities(): number {
  const code = result(cCap(SYS_CAPGET, capHeader, capData, 0, 0, 0, 0));
  return code < 0 ? code : capData.readUInt32LE(0);
}

/**
 * Raises or drops one capability in this thread's effective set. One that is not permitted, as some are not in
 * containers, stays as it is.
 * @returns 0 or -errno
 */
export function setEffective(capability: number, on: boolean): number {
  const code = result(cCap(SYS_CAPGET, capHeader, capData, 0, 0, 0, 0));
  if (code < 0) return code;
  const word = capability < 32 ? 0 : 12;
  const bit = 1 << (capability & 31);
  const effective = capData.readUInt32LE(word);
  if ((capData.readUInt32LE(word + 4) & bit) === 0) return 0;
  capData.writeUInt32LE((on ? effective | bit : effective & ~bit) >>> 0, word);
  return result(cCap(SYS_CAPSET, capHeader, capData, 0, 0, 0, 0));
}
