import type { RawName } from "../../base/bytes.js";
import { O_DIRECTORY, O_RDONLY } from "../../sys/constants.js";
import { DirEntries, readDir, seekDir } from "../../sys/dir.js";
import { close, openAt } from "../../sys/file.js";

/** Most directories that are being listed at a time without starting over with lseek. */
const MOST_CURSORS = 32;
const BUFFER_SIZE = 32768;

/** A directory that is being listed, and how far. */
export interface DirCursor {
  readonly fd: number;
  readonly entries: DirEntries;
  /** Cookie of the entry that entries.step() gives next. */
  at: bigint;
}

/**
 * Open directories by node. There are no directory handles (OPENDIR is answered ENOSYS, which lets the kernel cache
 * listings), so a listing goes on by the native cookie alone; a cursor only saves reading the same again.
 */
export class DirCursors {
  private readonly cursors = new Map<number, DirCursor>();

  get count(): number {
    return this.cursors.size;
  }

  /** @returns a cursor that stands at offset, or -errno */
  at(node: number, dirfd: number, offset: bigint): DirCursor | number {
    let cursor = this.cursors.get(node);
    if (cursor !== undefined) this.cursors.delete(node);
    if (cursor === undefined || offset === 0n) {
      const fd = openAt(dirfd, "." as RawName, O_RDONLY | O_DIRECTORY);
      if (cursor !== undefined) close(cursor.fd);
      if (fd < 0) return fd;
      cursor = { fd, entries: new DirEntries(cursor?.entries.buffer ?? Buffer.alloc(BUFFER_SIZE)), at: 0n };
    }
    if (cursor.at !== offset) {
      const code = seekDir(cursor.fd, offset);
      if (code < 0) {
        close(cursor.fd);
        return code;
      }
      cursor.entries.length = 0;
      cursor.entries.position = 0;
      cursor.at = offset;
    }
    this.cursors.set(node, cursor);
    this.evict();
    return cursor;
  }

  /** @returns 1 when cursor.entries stands on the next entry, 0 at the end, or -errno */
  step(cursor: DirCursor): number {
    const { entries } = cursor;
    if (entries.step()) return 1;
    const filled = readDir(cursor.fd, entries.buffer);
    entries.position = 0;
    entries.length = Math.max(0, filled);
    if (filled <= 0) return filled;
    return entries.step() ? 1 : 0;
  }

  drop(node: number): void {
    const cursor = this.cursors.get(node);
    if (cursor === undefined) return;
    this.cursors.delete(node);
    close(cursor.fd);
  }

  closeAll(): void {
    for (const node of [...this.cursors.keys()]) this.drop(node);
  }

  private evict(): void {
    for (const node of this.cursors.keys()) {
      if (this.cursors.size <= MOST_CURSORS) return;
      this.drop(node);
    }
  }
}
