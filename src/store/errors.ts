import { EBUSY, ECANCELED, EDQUOT, EEXIST, EINTR, EINVAL, EIO, ENOENT, ENOSPC, EROFS } from "../sys/errno.js";
import { SysError } from "../sys/error.js";
import { type Ref, refPath, StoreError } from "./types.js";

export function notFound(ref: Ref, role = ""): StoreError {
  return new StoreError("NotFound", ENOENT, `${role}${refPath(ref)} does not exist`);
}

export function alreadyExists(ref: Ref): StoreError {
  return new StoreError(
    "AlreadyExists",
    EEXIST,
    `${refPath(ref)} exists already: choose another name, or remove it first`,
  );
}

export function invalid(message: string): StoreError {
  return new StoreError("InvalidArgument", EINVAL, message);
}

export function precondition(message: string): StoreError {
  return new StoreError("FailedPrecondition", EBUSY, message);
}

export function busy(message: string): StoreError {
  return new StoreError("Busy", EBUSY, message);
}

export function noSpace(message: string, errno = ENOSPC): StoreError {
  return new StoreError("OutOfSpace", errno, message);
}

export function cancelled(what: string): StoreError {
  return new StoreError("Cancelled", EINTR, `${what} was cancelled`);
}

export function closed(): StoreError {
  return new StoreError("Closed", EIO, "the store is closed");
}

export function readOnly(): StoreError {
  return new StoreError("FailedPrecondition", EROFS, "the store is mounted read-only");
}

/** @returns the same failure as one of the store; what was no failure of a system call is handed back as it is */
export function fromSystem(error: unknown, what: string): unknown {
  if (!(error instanceof SysError)) return error;
  const message = `${what}: ${error.message}`;
  if (error.errno === ECANCELED) return cancelled(what);
  if (error.errno === ENOSPC || error.errno === EDQUOT) return noSpace(message, error.errno);
  return new StoreError("Io", error.errno, message);
}
