import { type RawName, rawFromText } from "../../base/bytes.js";
import {
  AT_FDCWD,
  O_CLOEXEC,
  O_DIRECTORY,
  O_NOFOLLOW,
  O_RDONLY,
  RENAME_NOREPLACE,
} from "../../sys/constants.js";
import { linkAt, makeDirAt, renameAt, unlinkAt } from "../../sys/dir.js";
import { EEXIST, ENOENT } from "../../sys/errno.js";
import { check, checkPath } from "../../sys/error.js";
import { close, openAt } from "../../sys/file.js";
import { type Stat, Stat as StatBuffer, statAt } from "../../sys/stat.js";
import { lock } from "./locks.js";

const OPEN_DIR = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;

/**
 * Files with several links, whose names are in directories that are copied at different times. The first name that is
 * met makes the file, with all its links, in a directory of the pool: `DEVICE-INODE.1`, `.2` … Each name that is copied then
 * takes one of them by rename(2). So the link count is right from the beginning, whatever users link or unlink
 * meanwhile, and what a crash leaves says how far it was: links are made down to `.1` before the first is taken, and `.1` is taken last.
 */
export class LinkPool {
  private fd = -1;
  /** The next link to take, of those files whose links are all made. */
  private readonly next = new Map<string, number>();
  private readonly stat = new StatBuffer();

  /** @param path of the directory, which is made when it is needed */
  constructor(
    private readonly path: string,
    private readonly board: Int32Array,
  ) {}

  /**
   * Puts a name of a file with several links in its place; one that is there already stays.
   * @param source attributes of the file in the source
   * @param make makes the copy under a name. @throws SysError
   */
  place(
    source: Readonly<Stat>,
    directory: number,
    name: RawName,
    path: RawName,
    make: (directory: number, name: RawName) => void,
  ): void {
    if (this.fd < 0) {
      const made = makeDirAt(AT_FDCWD, rawFromText(this.path), 0o700);
      if (made !== -EEXIST) check(made, "mkdir", this.path);
      this.fd = check(openAt(AT_FDCWD, rawFromText(this.path), OPEN_DIR), "open", this.path);
    }
    // Locked by a descriptor of its own, so that closing it unlocks.
    const held = check(openAt(this.fd, ".", OPEN_DIR), "open", this.path);
    try {
      lock(held, this.board, rawFromText(this.path));
      const key = `${source.dev}-${source.ino}`;
      if (!this.next.has(key)) this.fillUp(key, source.nlink, path, make);
      if (this.take(key, directory, name, path)) return;
      // More names than the file has links: it must have lost some while it was being counted.
      this.fillUp(key, source.nlink, path, make);
      checkPath(this.take(key, directory, name, path) ? 0 : -ENOENT, "link", path);
    } finally {
      close(held);
    }
  }

  /** @returns whether the name is there now */
  private take(key: string, directory: number, name: RawName, path: RawName): boolean {
    for (let at = this.next.get(key)!; at > 0; at--) {
      const code = renameAt(this.fd, linkName(key, at), directory, name, RENAME_NOREPLACE);
      // Another thread has taken that one.
      if (code === -ENOENT) continue;
      if (code !== -EEXIST) checkPath(code, "rename", path);
      this.next.set(key, code === -EEXIST ? at : at - 1);
      return true;
    }
    this.next.delete(key);
    return statAt(this.stat, directory, name) === 0;
  }

  private fillUp(
    key: string,
    count: number,
    path: RawName,
    make: (directory: number, name: RawName) => void,
  ): void {
    this.next.set(key, count);
    if (statAt(this.stat, this.fd, linkName(key, 1)) === 0) return;
    // Nothing was taken of what is not complete.
    for (let at = 1; at <= count; at++) {
      const code = unlinkAt(this.fd, linkName(key, at));
      if (code !== -ENOENT) checkPath(code, "unlink", path);
    }
    make(this.fd, linkName(key, count));
    for (let at = count - 1; at > 0; at--)
      checkPath(linkAt(this.fd, linkName(key, count), this.fd, linkName(key, at)), "link", path);
  }

  close(): void {
    if (this.fd >= 0) close(this.fd);
    this.fd = -1;
  }
}

function linkName(key: string, number: number): RawName {
  return `${key}.${number}` as RawName;
}
