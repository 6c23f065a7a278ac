import { SEEK_DATA, SEEK_HOLE } from "../../sys/constants.js";
import { EINVAL, ENOSYS, ENOTTY, ENXIO, EOPNOTSUPP, EXDEV } from "../../sys/errno.js";
import { check } from "../../sys/error.js";
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

/** Copies the contents of files, in the best way that the file system has. */
export class DataCopier {
  /** The best way that is not known to be missing. */
  method: Method = "reflink";
  private readonly buffer = Buffer.allocUnsafe(BUFFER);

  /**
   * @param between called between pieces; throws to stop
   * @param onUse told of each way that was taken, as its number in METHODS
   */
  constructor(
    private readonly between: () => void,
    private readonly onUse: (method: number) => void,
  ) {}

  /**
   * Copies all data, and keeps holes.
   * @param from, to descriptors of regular files, `to` empty
   * @throws SysError
   */
  copy(from: number, to: number, stat: Readonly<Stat>, path: string): void {
    const { size } = stat;
    if (size === 0) return;
    if (this.method === "reflink") {
      const code = cloneFile(to, from);
      if (code === 0) {
        this.used();
        return;
      }
      if (!UNSUPPORTED.has(code)) check(code, "ficlone", path);
      this.method = "copy_file_range";
    }
    if (stat.blocks * 512 >= size) this.range(from, to, 0, size, path);
    else this.sparse(from, to, size, path);
    this.used();
  }

  private used(): void {
    this.onUse(METHODS.indexOf(this.method));
  }

  private sparse(from: number, to: number, size: number, path: string): void {
    check(truncateFd(to, size), "ftruncate", path);
    for (let at = 0; at < size; ) {
      const start = seek(from, at, SEEK_DATA);
      if (start === -ENXIO) return;
      check(start, "lseek", path);
      const end = check(seek(from, start, SEEK_HOLE), "lseek", path);
      this.range(from, to, start, Math.min(end, size), path);
      at = end;
    }
  }

  private range(from: number, to: number, start: number, end: number, path: string): void {
    for (let at = start; at < end; ) {
      this.between();
      const length = Math.min(PIECE, end - at);
      const code =
        this.method === "read/write"
          ? this.readWrite(from, to, at, length)
          : copyRange(from, at, to, at, length);
      if (this.method === "copy_file_range" && UNSUPPORTED.has(code)) {
        this.method = "read/write";
        continue;
      }
      check(code, this.method, path);
      // The source is immutable; an end that comes early is that of a file that has shrunk while it was counted.
      if (code === 0) return;
      at += code;
    }
  }

  private readWrite(from: number, to: number, offset: number, length: number): number {
    const got = pread(from, this.buffer, Math.min(BUFFER, length), offset);
    if (got <= 0) return got;
    for (let done = 0; done < got; ) {
      const put = pwrite(to, this.buffer.subarray(done, got), got - done, offset + done);
      if (put < 0) return put;
      done += put;
    }
    return got;
  }
}
