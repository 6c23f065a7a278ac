import type { RawName } from "../../base/bytes.js";
import { SEEK_DATA, SEEK_HOLE } from "../../sys/constants.js";
import { EINVAL, ENOSYS, ENOTTY, ENXIO, EOPNOTSUPP, EXDEV } from "../../sys/errno.js";
import { checkPath } from "../../sys/error.js";
import { cloneFile, copyRange, pread, pwrite, seek, truncateFd } from "../../sys/file.js";
import type { Stat } from "../../sys/stat.js";

/** So much is copied between two looks at whether it is still wanted, or whether somebody waits for something else. */
const PIECE = 8 << 20;
const BUFFER = 1 << 20;
/** What says that a way of copying is not to be had here. */
const UNSUPPORTED = new Set([-EOPNOTSUPP, -EXDEV, -EINVAL, -ENOTTY, -ENOSYS]);

/** Ways to copy the content of a file, the best first. */
export const METHODS = ["reflink", "copy_file_range", "read/write"] as const;

export type Method = (typeof METHODS)[number];

/**
 * What a DataCopier tells, by methods and not by functions of each copy's own: V8 builds in what a call has led to so far,
 * and would compile all of it anew for the second copy.
 */
export interface DataWatcher {
  /** Called between pieces; throws to stop. */
  between(): void;
  /** Told of each way that was taken, as its number in METHODS. */
  used(method: number): void;
}

/** Copies the contents of files, in the best way that the file system has. */
export class DataCopier {
  /** The best way that is not known to be missing. */
  method: Method = "reflink";
  /** Made when it is needed, which it hardly ever is. */
  private buffer: Buffer | undefined;

  constructor(private readonly watcher: DataWatcher) {}

  /**
   * Copies all data, and keeps holes.
   * @param from, to descriptors of regular files, `to` empty
   * @throws SysError
   */
  copy(from: number, to: number, stat: Readonly<Stat>, path: RawName): void {
    const { size } = stat;
    if (size === 0) return;
    if (this.method === "reflink") {
      const code = cloneFile(to, from);
      if (code === 0) {
        this.used();
        return;
      }
      if (!UNSUPPORTED.has(code)) checkPath(code, "ficlone", path);
      this.method = "copy_file_range";
    }
    if (stat.blocks * 512 >= size) this.range(from, to, 0, size, path);
    else this.sparse(from, to, size, path);
    this.used();
  }

  private used(): void {
    this.watcher.used(METHODS.indexOf(this.method));
  }

  private sparse(from: number, to: number, size: number, path: RawName): void {
    checkPath(truncateFd(to, size), "ftruncate", path);
    for (let at = 0; at < size; ) {
      const start = seek(from, at, SEEK_DATA);
      if (start === -ENXIO) return;
      checkPath(start, "lseek", path);
      const end = checkPath(seek(from, start, SEEK_HOLE), "lseek", path);
      this.range(from, to, start, Math.min(end, size), path);
      at = end;
    }
  }

  private range(from: number, to: number, start: number, end: number, path: RawName): void {
    for (let at = start; at < end; ) {
      this.watcher.between();
      const length = Math.min(PIECE, end - at);
      const code =
        this.method === "read/write"
          ? this.readWrite(from, to, at, length)
          : copyRange(from, at, to, at, length);
      if (this.method === "copy_file_range" && UNSUPPORTED.has(code)) {
        this.method = "read/write";
        continue;
      }
      checkPath(code, this.method, path);
      // The source is immutable; an end that comes early is that of a file that has shrunk while it was counted.
      if (code === 0) return;
      at += code;
    }
  }

  private readWrite(from: number, to: number, offset: number, length: number): number {
    this.buffer ??= Buffer.allocUnsafe(BUFFER);
    const { buffer } = this;
    const got = pread(from, buffer, Math.min(BUFFER, length), offset);
    if (got <= 0) return got;
    for (let done = 0; done < got; ) {
      const put = pwrite(to, buffer.subarray(done, got), got - done, offset + done);
      if (put < 0) return put;
      done += put;
    }
    return got;
  }
}
