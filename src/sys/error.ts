import koffi from "koffi";
import { printable, type RawName } from "../base/bytes.js";
import { errnoName } from "./errno.js";

const strerror = koffi.load(null).func("const char *strerror(int)") as unknown as (errno: number) => string;

/** @returns what the C library says about an errno, such as "No such file or directory" */
export function errnoText(errno: number): string {
  return strerror(errno);
}

/** A system call that failed where the caller cannot go on. */
export class SysError extends Error {
  override readonly name = "SysError";
  /** The symbolic errno, as in Node's own errors. */
  readonly code: string;

  /**
   * @param errno positive errno
   * @param operation what was tried, for example `mkdirat`
   * @param subject on what, for example a path
   */
  constructor(
    readonly errno: number,
    readonly operation: string,
    readonly subject = "",
  ) {
    super(`${operation}${subject ? ` ${subject}` : ""}: ${errnoText(errno)}`);
    this.code = errnoName(errno);
  }
}

/**
 * Hands on the result of a call that answers -errno on failure.
 * @throws SysError when value is negative
 */
export function check(value: number, operation: string, subject = ""): number {
  if (value < 0) throw new SysError(-value, operation, subject);
  return value;
}

/**
 * The same for a path, which is made readable only when somebody is to read it: whoever goes through a tree has several
 * calls for each path.
 * @throws SysError when value is negative
 */
export function checkPath(value: number, operation: string, path: RawName | ""): number {
  if (value < 0) throw new SysError(-value, operation, printable(path as RawName));
  return value;
}
