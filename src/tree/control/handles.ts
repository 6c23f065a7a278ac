import type { Answer, Caller, IoArea } from "../../fuse/filesystem.js";
import { EBADF } from "../../sys/errno.js";

/** fuse_open_out.open_flags (linux/fuse.h): nothing is cached, sizes are not believed. */
export const FOPEN_DIRECT_IO = 1;

/** A control file that somebody has open. */
export interface OpenFile {
  /** @returns bytes put into out; 0 only at the end */
  read(caller: Caller, offset: number, size: number, out: IoArea): Answer;
  /** @returns bytes taken */
  write(data: Buffer, offset: number, append: boolean): Answer;
  /** In bytes, or undefined when it is not known before it was read. */
  readonly size: number | undefined;
  /** @returns 0 or -errno */
  truncate(size: number): Answer;
  sync(): Answer;
  release(): void;
}

/** Control files that are open, by handle. */
export class Handles {
  private readonly files = new Map<number, OpenFile>();
  private next = 1;

  get count(): number {
    return this.files.size;
  }

  add(file: OpenFile): number {
    const handle = this.next++;
    this.files.set(handle, file);
    return handle;
  }

  get(handle: number): OpenFile | undefined {
    return this.files.get(handle);
  }

  release(handle: number): void {
    const file = this.files.get(handle);
    this.files.delete(handle);
    file?.release();
  }

  releaseAll(): void {
    for (const handle of [...this.files.keys()]) this.release(handle);
  }
}

/** One consistent value, as it was when the file was opened. */
export class FixedValue implements OpenFile {
  constructor(private readonly value: Buffer) {}

  get size(): number {
    return this.value.length;
  }
  read(_caller: Caller, offset: number, size: number, out: IoArea): number {
    return copyOut(this.value, offset, size, out);
  }
  write(): number {
    return -EBADF;
  }
  truncate(): number {
    return -EBADF;
  }
  sync(): number {
    return 0;
  }
  release(): void {
    // Nothing but memory is held.
  }
}

/** pread(2) of a buffer. */
export function copyOut(value: Buffer, offset: number, size: number, out: IoArea): number {
  if (offset >= value.length) return 0;
  return value.copy(out.buffer, 0, offset, Math.min(value.length, offset + size));
}
