import { F_RDLCK, F_SETLEASE, F_SETSIG, F_UNLCK, SIGURG } from "./constants.js";
import { EAGAIN, EBUSY } from "./errno.js";
import { fcntl } from "./file.js";

/**
 * Takes a read lease (fcntl(2), F_SETLEASE), which is refused with EAGAIN or EBUSY as long as anybody has the file open
 * for writing or mapped writable.
 * @param fd read-only, of a regular file that belongs to the caller unless that has CAP_LEASE
 * @returns 0 or -errno
 */
export function takeLease(fd: number): number {
  // Whoever opens the file meanwhile has a signal sent to us: by default SIGIO, which would end the process (signal(7)),
  // so one that does nothing instead. The kernel forgets this when the lease is given up.
  fcntl(fd, F_SETSIG, SIGURG);
  return fcntl(fd, F_SETLEASE, F_RDLCK);
}

/**
 * Whether nobody has a file open for writing or mapped writable, for certain: not when a lease cannot be had at all.
 * @param fd as for takeLease
 */
export function isClosedForWriting(fd: number): boolean {
  return tryLease(fd) === 0;
}

/** Whether anybody has a file open for writing or mapped writable. @param fd as for takeLease */
export function isOpenForWriting(fd: number): boolean {
  const code = tryLease(fd);
  return code === -EAGAIN || code === -EBUSY;
}

/** Takes a lease and gives it up again. @returns as takeLease */
function tryLease(fd: number): number {
  const code = takeLease(fd);
  if (code === 0) fcntl(fd, F_SETLEASE, F_UNLCK);
  return code;
}
