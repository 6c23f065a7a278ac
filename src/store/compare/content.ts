import type { RawName } from "../../base/bytes.js";
import { printable } from "../../base/bytes.js";
import { O_NOATIME, O_NOFOLLOW, O_NONBLOCK, O_RDONLY, SEEK_DATA } from "../../sys/constants.js";
import { EINVAL, ENXIO, EPERM } from "../../sys/errno.js";
import { check } from "../../sys/error.js";
import { shareAllExtents } from "../../sys/extents.js";
import { close, openAt, pread, seek } from "../../sys/file.js";
import { BTRFS_SUPER_MAGIC, type Stat, XFS_SUPER_MAGIC } from "../../sys/stat.js";

/** So much of each file is read at a time: both pieces stay in the processor's cache. */
const PIECE = 256 << 10;
/** Smaller files are read in less time than their extents are asked for. */
const LEAST_MAPPED = 128 << 10;

/** Two files at the same path of two trees. */
export interface FilePair {
  readonly before: number;
  readonly after: number;
  /** In the directories `before` and `after`. */
  readonly name: RawName;
  /** For messages. */
  readonly path: RawName;
}

/** Compares the contents of regular files of the same size. */
export class ContentComparer {
  private readonly pieces = [Buffer.allocUnsafe(PIECE), Buffer.allocUnsafe(PIECE)] as const;
  private readonly canShare: boolean;

  /** @param fsType magic of the file system that both trees are on */
  constructor(fsType: number) {
    this.canShare = fsType === BTRFS_SUPER_MAGIC || fsType === XFS_SUPER_MAGIC;
  }

  /**
   * Yields between pieces, so that the caller can do something else or stop.
   * @returns whether both have the same bytes
   * @throws SysError when one cannot be read
   */
  *same(pair: FilePair, stats: readonly [Stat, Stat]): Generator<undefined, boolean> {
    const { size } = stats[1];
    if (size === 0) return true;
    const path = printable(pair.path);
    const a = check(openToRead(pair.before, pair.name), "open", path);
    try {
      const b = check(openToRead(pair.after, pair.name), "open", path);
      try {
        if (this.canShare && size >= LEAST_MAPPED && shareAllExtents(a, b)) return true;
        const isSparse = stats.every((stat) => stat.blocks * 512 < size);
        return yield* this.read(a, b, size, isSparse, path);
      } finally {
        close(b);
      }
    } finally {
      close(a);
    }
  }

  private *read(
    a: number,
    b: number,
    size: number,
    isSparse: boolean,
    path: string,
  ): Generator<undefined, boolean> {
    const [first, second] = this.pieces;
    for (let at = 0; at < size; ) {
      if (isSparse) at = Math.min(nextData(a, at, size, path), nextData(b, at, size, path));
      if (at >= size) return true;
      const length = Math.min(PIECE, size - at);
      const got = check(pread(a, first, length, at), "read", path);
      if (check(pread(b, second, length, at), "read", path) !== got) return false;
      if (first.compare(second, 0, got, 0, got) !== 0) return false;
      // A file that is shorter now than when its size was looked at; the other one is as well.
      if (got === 0) return true;
      at += got;
      if (at < size) yield undefined;
    }
    return true;
  }
}

/** @returns where the data goes on, or size when there is only a hole left */
function nextData(fd: number, at: number, size: number, path: string): number {
  const found = seek(fd, at, SEEK_DATA);
  if (found === -ENXIO) return size;
  // Where holes are not known, everything is data.
  return found === -EINVAL ? at : check(found, "lseek", path);
}

/** Opens without changing the access time where that is permitted. */
function openToRead(dirfd: number, name: RawName): number {
  const flags = O_RDONLY | O_NOFOLLOW | O_NONBLOCK;
  const fd = openAt(dirfd, name, flags | O_NOATIME);
  return fd === -EPERM ? openAt(dirfd, name, flags) : fd;
}
