import koffi from "koffi";
import { EINTR } from "./errno.js";

/** A C function that takes numbers, addresses and buffers, and answers with a number. */
export type CFunction = (...args: CArgument[]) => number;
/** What may be passed: an int, an address as a number, or memory. */
export type CArgument = number | bigint | Uint8Array | null;

const libc = koffi.load(null);

/**
 * Binds a function of the C library.
 * @param prototype its C prototype; `uintptr_t` parameters take addresses as numbers
 * @throws when the C library has no such function
 */
export function cFunction(prototype: string): CFunction {
  return libc.func(prototype) as unknown as CFunction;
}

/** @returns a binding, or undefined where the C library is too old for it */
export function cFunctionIfPresent(prototype: string): CFunction | undefined {
  try {
    return cFunction(prototype);
  } catch (error) {
    if (error instanceof Error && error.message.includes("Cannot find function")) return undefined;
    throw error;
  }
}

/** @returns errno of this thread's last failed call */
export function lastErrno(): number {
  return koffi.errno();
}

/** Turns libc's -1 into -errno; everything else is handed on. */
export function result(value: number): number {
  return value === -1 ? -koffi.errno() : value;
}

/** Calls again while a signal interrupts; for calls that may simply be repeated. */
export function retry(call: () => number): number {
  for (;;) {
    const value = result(call());
    if (value !== -EINTR) return value;
  }
}

/** The bytes of mapped memory, seen without a copy. */
export function memoryAt(address: bigint | number, length: number): Buffer {
  return Buffer.from(koffi.view(BigInt(address), length));
}
