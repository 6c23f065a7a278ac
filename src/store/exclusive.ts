import { setImmediate as tick } from "node:timers/promises";
import { printable, type RawName, rawFromText } from "../base/bytes.js";
import {
  O_CLOEXEC,
  O_DIRECTORY,
  O_NOATIME,
  O_NOFOLLOW,
  O_RDONLY,
  S_IFDIR,
  S_IFMT,
  S_IFREG,
} from "../sys/constants.js";
import { listDir } from "../sys/dir.js";
import { ENOENT, EPERM } from "../sys/errno.js";
import { check } from "../sys/error.js";
import { sharedBytes } from "../sys/extents.js";
import { close, openAt } from "../sys/file.js";
import { Stat, statAt } from "../sys/stat.js";

const AT_FDCWD = -100;
const OPEN_DIR = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
const OPEN_FILE = O_RDONLY | O_NOFOLLOW | O_CLOEXEC;
/** So many entries are looked at between two looks at what else there is to do. */
const AT_A_TIME = 200;

/**
 * Counts the bytes on the disk of a tree that no other file shares. Extents that files of the tree share among
 * themselves count as shared: the file system does not say with whom.
 * @param onProgress called now and then with the number of entries looked at
 * @throws SysError where the file system cannot tell (EOPNOTSUPP), or it may not be looked at
 */
export async function exclusiveBytes(
  path: string,
  signal: AbortSignal,
  onProgress: (entries: number) => void,
): Promise<number> {
  const counter = new Counter(signal, onProgress);
  const root = check(openAt(AT_FDCWD, rawFromText(path), OPEN_DIR), "open", path);
  try {
    await counter.directory(root, path);
  } finally {
    close(root);
  }
  return counter.bytes;
}

class Counter {
  bytes = 0;
  private entries = 0;
  private readonly seen = new Set<string>();

  constructor(
    private readonly signal: AbortSignal,
    private readonly onProgress: (entries: number) => void,
  ) {}

  async directory(fd: number, path: string): Promise<void> {
    const stat = new Stat();
    check(statAt(stat, fd, ""), "stat", path);
    this.bytes += stat.blocks * 512;
    const list = listDir(fd);
    if (typeof list === "number") check(list, "readdir", path);
    for (const { name } of list as Exclude<typeof list, number>) {
      if (++this.entries % AT_A_TIME === 0) {
        await tick();
        this.signal.throwIfAborted();
        this.onProgress(this.entries);
      }
      await this.entry(fd, name, `${path}/${printable(name)}`);
    }
  }

  private async entry(parent: number, name: RawName, path: string): Promise<void> {
    const stat = new Stat();
    const code = statAt(stat, parent, name);
    // What vanishes meanwhile does not count.
    if (code === -ENOENT) return;
    check(code, "stat", path);
    const type = stat.mode & S_IFMT;
    if (type === S_IFDIR) {
      const fd = check(openAt(parent, name, OPEN_DIR), "open", path);
      try {
        await this.directory(fd, path);
      } finally {
        close(fd);
      }
      return;
    }
    const inode = `${stat.dev}:${stat.ino}`;
    if (stat.nlink > 1 && this.seen.has(inode)) return;
    this.seen.add(inode);
    const taken = stat.blocks * 512;
    this.bytes +=
      type === S_IFREG && taken > 0 ? Math.max(0, taken - this.shared(parent, name, path)) : taken;
  }

  private shared(parent: number, name: RawName, path: string): number {
    let fd = openAt(parent, name, OPEN_FILE | O_NOATIME);
    if (fd === -EPERM) fd = openAt(parent, name, OPEN_FILE);
    check(fd, "open", path);
    try {
      return check(sharedBytes(fd), "fiemap", path);
    } finally {
      close(fd);
    }
  }
}
