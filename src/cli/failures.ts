import { Failure, type FailureKind } from "../daemon/failure.js";
import { ArchiveError } from "../store/archive/entry.js";
import { type ErrorClass, StoreError } from "../store/types.js";
import { EROFS } from "../sys/errno.js";
import { SysError } from "../sys/error.js";
import { type Ref, refText } from "./ref.js";

export function notFound(ref: Ref, role = ""): Failure {
  return new Failure("notFound", `${role}${refText(ref)} does not exist`);
}

export function alreadyExists(ref: Ref): Failure {
  return new Failure("exists", `${refText(ref)} exists already: choose another name, or remove it first`);
}

const kinds: Readonly<Record<ErrorClass, FailureKind>> = {
  NotFound: "notFound",
  AlreadyExists: "exists",
  InvalidArgument: "usage",
  FailedPrecondition: "busy",
  Busy: "busy",
  OutOfSpace: "resources",
  Cancelled: "interrupted",
  Closed: "store",
  Io: "store",
};

/** @returns what the store refused as a failure of the command; undefined for what is no refusal but a bug */
export function failureOf(error: unknown): Failure | undefined {
  if (error instanceof Failure) return error;
  if (error instanceof StoreError) {
    return new Failure(error.errno === EROFS ? "store" : kinds[error.kind], error.message);
  }
  if (error instanceof SysError) return new Failure("store", error.message);
  if (error instanceof ArchiveError) return new Failure("store", error.message);
  // What Node says of a system call that failed, and what zlib does.
  if (error instanceof Error && ("syscall" in error || "errno" in error))
    return new Failure("store", error.message);
  return undefined;
}
