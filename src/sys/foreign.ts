import koffi from "koffi";
import { type RawName, rawFromBuffer } from "../base/bytes.js";
import { PATH_MAX } from "../base/limits.js";
import { ENAMETOOLONG } from "./errno.js";
import { SysError } from "./error.js";
import { cFunction } from "./ffi.js";

// Memory and functions of C code in this process, by address. Nothing here can check an address: only those may be
// passed that the C code has just handed over and keeps valid until it is answered.

const cCopyIn = cFunction("uintptr_t memcpy(void *, uintptr_t, size_t)");
const cCopyOut = cFunction("uintptr_t memcpy(uintptr_t, void *, size_t)");
const cLength = cFunction("size_t strnlen(uintptr_t, size_t)");

/** Copies `length` bytes at an address into a buffer. */
export function readForeign(into: Buffer, address: number, length = into.length): void {
  cCopyIn(into, address, length);
}

/** Copies the first `length` bytes of a buffer to an address. */
export function writeForeign(address: number, from: Buffer, length = from.length): void {
  cCopyOut(address, from, length);
}

const MOST = PATH_MAX * 256;
let scratch = Buffer.alloc(PATH_MAX);

/**
 * @returns the NUL-terminated bytes at an address
 * @throws SysError ENAMETOOLONG when there are more than a MiB of them
 */
export function readForeignName(address: number): RawName {
  const length = cLength(address, MOST);
  if (length === MOST) throw new SysError(ENAMETOOLONG, "strnlen");
  if (length > scratch.length) scratch = Buffer.alloc(length);
  readForeign(scratch, address, length);
  return rawFromBuffer(scratch, 0, length);
}

/** Arguments of a C function that is known by its address: integers, addresses and memory. */
export type ForeignArgument = number | bigint | Uint8Array | null;

/**
 * Makes a function that calls C code at an address.
 * @param prototype its C prototype; its name must be given to no other
 */
export function foreignFunction(prototype: string): (address: number, ...args: ForeignArgument[]) => number {
  const type = koffi.proto(prototype);
  return (address, ...args) => koffi.call(BigInt(address), type, ...args) as number;
}

/**
 * Loads a shared library into this process, so that others that need it by its name find it there (dlopen(3)).
 * @throws Error with the loader's reason
 */
export function loadLibrary(path: string): void {
  koffi.load(path, { lazy: true, global: true });
}
