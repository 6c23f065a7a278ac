import koffi from "koffi";
import { ENOMEM } from "./errno.js";
import { SysError } from "./error.js";
import { memoryAt } from "./ffi.js";

const libc = koffi.load(null);
const cMmap = libc.func("uintptr_t mmap(uintptr_t, size_t, int, int, int, int64_t)") as unknown as (
  ...args: number[]
) => number | bigint;

/** Page-aligned memory outside the JavaScript heap that keeps its address, so that any thread may use it. */
export interface Memory {
  readonly address: number;
  readonly buffer: Buffer;
}

/**
 * Anonymous memory for the life of the process.
 * @param length in bytes
 * @throws SysError ENOMEM
 */
export function allocateMemory(length: number): Memory {
  const PROT_READ_WRITE = 3;
  const MAP_PRIVATE_ANONYMOUS = 0x22;
  const address = Number(cMmap(0, length, PROT_READ_WRITE, MAP_PRIVATE_ANONYMOUS, -1, 0));
  if (address >= Number.MAX_SAFE_INTEGER) throw new SysError(ENOMEM, "mmap", `${length} bytes`);
  return { address, buffer: memoryAt(address, length) };
}
