import type { RawName } from "../base/bytes.js";
import { fault } from "./fault.js";
import { cFunction, result } from "./ffi.js";
import { cname, cname2 } from "./scratch.js";

const cGet = cFunction("int64_t getxattr(void *, void *, void *, size_t)");
const cList = cFunction("int64_t listxattr(void *, void *, size_t)");
const cSet = cFunction("int setxattr(void *, void *, void *, size_t, int)");
const cRemove = cFunction("int removexattr(void *, void *)");
const cLget = cFunction("int64_t lgetxattr(void *, void *, void *, size_t)");
const cLlist = cFunction("int64_t llistxattr(void *, void *, size_t)");
const cLset = cFunction("int lsetxattr(void *, void *, void *, size_t, int)");
const cLremove = cFunction("int lremovexattr(void *, void *)");
const cFget = cFunction("int64_t fgetxattr(int, void *, void *, size_t)");
const cFlist = cFunction("int64_t flistxattr(int, void *, size_t)");
const cFremove = cFunction("int fremovexattr(int, void *)");
const cFset = cFunction("int fsetxattr(int, void *, void *, size_t, int)");

// The f* calls refuse O_PATH descriptors; /proc/self/fd/N reaches any file, and, since the last
// component is followed exactly once, a symbolic link held by an O_PATH descriptor is reached itself.

/**
 * getxattr(2), following links: meant for /proc/self/fd/N.
 * @param size of buffer to use; 0 asks for the value's length
 * @returns the length of the value or -errno
 */
export function getXattr(path: string, name: RawName, buffer: Uint8Array | null, size: number): number {
  const failed = fault("getxattr");
  return failed !== 0 ? failed : result(cGet(cname(path), cname2(name), buffer, size));
}

/** listxattr(2), following links. @returns length of the NUL-separated names or -errno */
export function listXattr(path: string, buffer: Uint8Array | null, size: number): number {
  const failed = fault("listxattr");
  return failed !== 0 ? failed : result(cList(cname(path), buffer, size));
}

/** setxattr(2), following links. @param flags XATTR_CREATE, XATTR_REPLACE or 0 */
export function setXattr(
  path: string,
  name: RawName,
  value: Uint8Array,
  size: number,
  flags: number,
): number {
  const failed = fault("setxattr");
  return failed !== 0 ? failed : result(cSet(cname(path), cname2(name), value, size, flags));
}

/** removexattr(2), following links */
export function removeXattr(path: string, name: RawName): number {
  const failed = fault("removexattr");
  return failed !== 0 ? failed : result(cRemove(cname(path), cname2(name)));
}

/** lgetxattr(2) */
export function lgetXattr(path: RawName, name: RawName, buffer: Uint8Array | null, size: number): number {
  const failed = fault("getxattr");
  return failed !== 0 ? failed : result(cLget(cname(path), cname2(name), buffer, size));
}

/** llistxattr(2) */
export function llistXattr(path: RawName, buffer: Uint8Array | null, size: number): number {
  const failed = fault("listxattr");
  return failed !== 0 ? failed : result(cLlist(cname(path), buffer, size));
}

/** lsetxattr(2) */
export function lsetXattr(
  path: RawName,
  name: RawName,
  value: Uint8Array,
  size: number,
  flags: number,
): number {
  const failed = fault("setxattr");
  return failed !== 0 ? failed : result(cLset(cname(path), cname2(name), value, size, flags));
}

/** lremovexattr(2) */
export function lremoveXattr(path: RawName, name: RawName): number {
  const failed = fault("removexattr");
  return failed !== 0 ? failed : result(cLremove(cname(path), cname2(name)));
}

/** fgetxattr(2) */
export function fgetXattr(fd: number, name: RawName, buffer: Uint8Array | null, size: number): number {
  const failed = fault("getxattr");
  return failed !== 0 ? failed : result(cFget(fd, cname2(name), buffer, size));
}

/** flistxattr(2) */
export function flistXattr(fd: number, buffer: Uint8Array | null, size: number): number {
  const failed = fault("listxattr");
  return failed !== 0 ? failed : result(cFlist(fd, buffer, size));
}

/** fsetxattr(2) */
export function fsetXattr(fd: number, name: RawName, value: Uint8Array, size: number, flags: number): number {
  const failed = fault("setxattr");
  return failed !== 0 ? failed : result(cFset(fd, cname2(name), value, size, flags));
}

/** fremovexattr(2) */
export function fremoveXattr(fd: number, name: RawName): number {
  const failed = fault("removexattr");
  return failed !== 0 ? failed : result(cFremove(fd, cname2(name)));
}
