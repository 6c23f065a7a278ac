import type { RawName } from "../base/bytes.js";
import {
  O_CLOEXEC,
  O_CREAT,
  O_DIRECTORY,
  O_PATH,
  RESOLVE_BENEATH,
  RESOLVE_NO_SYMLINKS,
} from "./constants.js";
import { EAGAIN } from "./errno.js";
import { fault } from "./fault.js";
import { type CArgument, cFunction, result, retry } from "./ffi.js";
import { cname } from "./scratch.js";

const cOpenat = cFunction("int openat(int, void *, int, unsigned int)");
const cSyscall = cFunction("int64_t syscall(int64_t, int64_t, void *, void *, int64_t, int64_t, int64_t)");
const cClose = cFunction("int close(int)");
const cRead = cFunction("int64_t read(int, void *, size_t)");
const cWrite = cFunction("int64_t write(int, void *, size_t)");
const cPread = cFunction("int64_t pread(int, void *, size_t, int64_t)");
const cPwrite = cFunction("int64_t pwrite(int, void *, size_t, int64_t)");
const cPreadv2 = cFunction("int64_t preadv2(int, void *, int, int64_t, int)");
const cFtruncate = cFunction("int ftruncate(int, int64_t)");
const cFallocate = cFunction("int fallocate(int, int, int64_t, int64_t)");
const cLseek = cFunction("int64_t lseek(int, int64_t, int)");
const cFsync = cFunction("int fsync(int)");
const cFdatasync = cFunction("int fdatasync(int)");
const cSyncfs = cFunction("int syncfs(int)");
const cCopyRange = cFunction("int64_t copy_file_range(int, void *, int, void *, size_t, unsigned int)");
const cIoctl = cFunction("int ioctl(int, unsigned long, uintptr_t)");
const cIoctlPointer = cFunction("int ioctl(int, unsigned long, void *)");
const cFlock = cFunction("int flock(int, int)");
const cFcntl = cFunction("int fcntl(int, int, int64_t)");
const cDup = cFunction("int dup(int)");

const SYS_OPENAT2 = 437;
const FICLONE = 0x40049409;
/** Longer paths are opened in several steps; the kernel takes up to PATH_MAX with the NUL. */
const LONGEST_PATH = 4000;
const MOST_TRIES = 100;
const BENEATH = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS;

/** openat(2), close-on-exec. @returns a descriptor or -errno */
export function openAt(dirfd: number, name: RawName | string, flags: number, mode = 0): number {
  const failed = fault((flags & O_CREAT) === 0 ? "openat" : "creat");
  return failed !== 0 ? failed : retry(() => cOpenat(dirfd, cname(name), flags | O_CLOEXEC, mode));
}

const openHow = new BigUint64Array(3);
const openHowBytes = new Uint8Array(openHow.buffer);

/**
 * openat2(2), close-on-exec.
 * @param resolve RESOLVE_* flags. With RESOLVE_BENEATH and RESOLVE_IN_ROOT the kernel gives up on ".." when anything is
 * renamed or mounted anywhere meanwhile (EAGAIN); then it is asked again
 * @returns a descriptor or -errno
 */
export function openAt2(
  dirfd: number,
  name: RawName | string,
  flags: number,
  mode: number,
  resolve: number,
): number {
  const failed = fault((flags & O_CREAT) === 0 ? "openat" : "creat");
  if (failed !== 0) return failed;
  openHow[0] = BigInt(flags | O_CLOEXEC);
  openHow[1] = BigInt(mode);
  openHow[2] = BigInt(resolve);
  const size = openHowBytes.length;
  for (let tries = 0; ; tries++) {
    const fd = retry(() => cSyscall(SYS_OPENAT2, dirfd, cname(name), openHowBytes, size, 0, 0));
    if (fd !== -EAGAIN || tries === MOST_TRIES) return fd;
  }
}

/**
 * Opens a path below a directory, of any length, without following links and without leaving it.
 * @param path "" is the directory itself
 * @returns a descriptor or -errno
 */
export function openBeneath(root: number, path: RawName | "", flags: number): number {
  let at = root;
  let rest: string = path === "" ? "." : path;
  while (rest.length >= LONGEST_PATH) {
    const cut = rest.lastIndexOf("/", LONGEST_PATH - 1);
    if (cut < 0) break;
    const next = openAt2(at, rest.slice(0, cut), O_PATH | O_DIRECTORY, 0, BENEATH);
    if (at !== root) close(at);
    if (next < 0) return next;
    at = next;
    rest = rest.slice(cut + 1);
  }
  const fd = openAt2(at, rest, flags, 0, BENEATH);
  if (at !== root) close(at);
  return fd;
}

/** close(2); a descriptor is gone even when this fails, so it is never repeated. */
export function close(fd: number): number {
  return result(cClose(fd));
}

/** read(2). @returns bytes read or -errno */
export function read(fd: number, buffer: Uint8Array, length = buffer.length): number {
  return retry(() => cRead(fd, buffer, length));
}

/** One read(2) without repeating after a signal, for devices. */
export function readOnce(fd: number, buffer: Uint8Array, length: number): number {
  return result(cRead(fd, buffer, length));
}

/** write(2). @returns bytes written or -errno */
export function write(fd: number, buffer: Uint8Array, length = buffer.length): number {
  return retry(() => cWrite(fd, buffer, length));
}

/** pread(2) */
export function pread(fd: number, buffer: CArgument, length: number, offset: number): number {
  const failed = fault("pread");
  return failed !== 0 ? failed : retry(() => cPread(fd, buffer, length, offset));
}

/** pwrite(2) */
export function pwrite(fd: number, buffer: CArgument, length: number, offset: number): number {
  const failed = fault("pwrite");
  return failed !== 0 ? failed : retry(() => cPwrite(fd, buffer, length, offset));
}

const iovec = new BigUint64Array(2);
const iovecBytes = new Uint8Array(iovec.buffer);

/**
 * preadv2(2) of one range.
 * @param address where the bytes go
 * @param flags RWF_*; RWF_NOWAIT answers EAGAIN instead of waiting for the disk
 */
export function preadFlags(
  fd: number,
  address: number,
  length: number,
  offset: number,
  flags: number,
): number {
  const failed = fault("pread");
  if (failed !== 0) return failed;
  iovec[0] = BigInt(address);
  iovec[1] = BigInt(length);
  return retry(() => cPreadv2(fd, iovecBytes, 1, offset, flags));
}

/** ftruncate(2) */
export function truncateFd(fd: number, size: number): number {
  const failed = fault("ftruncate");
  return failed !== 0 ? failed : retry(() => cFtruncate(fd, size));
}

/** fallocate(2) */
export function allocate(fd: number, mode: number, offset: number, length: number): number {
  const failed = fault("fallocate");
  return failed !== 0 ? failed : retry(() => cFallocate(fd, mode, offset, length));
}

/** lseek(2). @returns the new offset or -errno */
export function seek(fd: number, offset: number, whence: number): number {
  return result(cLseek(fd, offset, whence));
}

/** fsync(2) */
export function sync(fd: number): number {
  const failed = fault("fsync");
  return failed !== 0 ? failed : retry(() => cFsync(fd));
}

/** fdatasync(2) */
export function dataSync(fd: number): number {
  const failed = fault("fdatasync");
  return failed !== 0 ? failed : retry(() => cFdatasync(fd));
}

/** syncfs(2): everything of the file system that fd is on */
export function syncFs(fd: number): number {
  const failed = fault("syncfs");
  return failed !== 0 ? failed : retry(() => cSyncfs(fd));
}

const offsets = new BigInt64Array(2);
const offsetIn = new Uint8Array(offsets.buffer, 0, 8);
const offsetOut = new Uint8Array(offsets.buffer, 8, 8);

/** copy_file_range(2). @returns bytes copied, 0 at the end of the source, or -errno */
export function copyRange(
  from: number,
  fromOffset: number,
  to: number,
  toOffset: number,
  length: number,
): number {
  const failed = fault("copy_file_range");
  if (failed !== 0) return failed;
  return retry(() => {
    offsets[0] = BigInt(fromOffset);
    offsets[1] = BigInt(toOffset);
    return cCopyRange(from, offsetIn, to, offsetOut, length, 0);
  });
}

/** ioctl FICLONE: makes `to` share all data of `from`. */
export function cloneFile(to: number, from: number): number {
  const failed = fault("ficlone");
  return failed !== 0 ? failed : retry(() => cIoctl(to, FICLONE, from));
}

/** ioctl(2) with a structure. */
export function ioctl(fd: number, request: number, argument: Uint8Array): number {
  return retry(() => cIoctlPointer(fd, request, argument));
}

/** flock(2), not repeated when interrupted with LOCK_NB */
export function flock(fd: number, operation: number): number {
  return retry(() => cFlock(fd, operation));
}

/** fcntl(2) with an integer argument */
export function fcntl(fd: number, command: number, argument: number): number {
  return retry(() => cFcntl(fd, command, argument));
}

/** dup(2) */
export function dup(fd: number): number {
  return result(cDup(fd));
}

/** The path by which the kernel reopens a descriptor, O_PATH ones included (proc(5)). */
export function fdPath(fd: number): string {
  return `/proc/self/fd/${fd}`;
}
