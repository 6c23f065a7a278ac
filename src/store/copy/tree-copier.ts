import type { RawName } from "../../base/bytes.js";
import { printable, rawFromText } from "../../base/bytes.js";
import {
  O_CLOEXEC,
  O_CREAT,
  O_DIRECTORY,
  O_EXCL,
  O_NOATIME,
  O_NOFOLLOW,
  O_RDONLY,
  O_WRONLY,
  S_IFDIR,
  S_IFLNK,
  S_IFMT,
  S_IFREG,
} from "../../sys/constants.js";
import { linkAt, listDir, makeDirAt, makeNodeAt, readLinkAt, symlinkAt } from "../../sys/dir.js";
import { ECANCELED, EMLINK, ENAMETOOLONG, EPERM } from "../../sys/errno.js";
import { check, SysError } from "../../sys/error.js";
import { close, openAt } from "../../sys/file.js";
import { Stat, statAt } from "../../sys/stat.js";
import { copyAttributes, copyAttributesAt } from "./attributes.js";
import { DataCopier } from "./data.js";

const OPEN_DIR = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
const OPEN_SOURCE = O_RDONLY | O_NOFOLLOW | O_CLOEXEC;
const OPEN_TARGET = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;
const AT_FDCWD = -100;

/** Copies one tree, with everything that cp(1) -a keeps, and sockets, directory times and all namespaces of attributes. */
export class TreeCopier {
  /** Entries copied so far. */
  entries = 0;
  private readonly data = new DataCopier(() => this.throwIfCancelled());
  /** Where the first name of a file with several links is in the copy, by device and inode. */
  private readonly links = new Map<string, RawName>();
  private root = -1;

  /** @param isCancelled asked between files and between pieces of large ones */
  constructor(private readonly isCancelled: () => boolean) {}

  get method(): string {
    return this.data.method;
  }

  /**
   * @param from path of a directory
   * @param to path of the directory to be made
   * @throws SysError; ECANCELED when it was cancelled
   */
  copy(from: string, to: string): void {
    const target = rawFromText(to);
    const source = check(openSource(AT_FDCWD, rawFromText(from), OPEN_DIR), "open", from);
    try {
      check(makeDirAt(AT_FDCWD, target, 0o700), "mkdir", to);
      this.root = check(openAt(AT_FDCWD, target, OPEN_DIR), "open", to);
      try {
        this.directory(source, this.root, "" as RawName);
      } finally {
        close(this.root);
      }
    } finally {
      close(source);
    }
  }

  private directory(source: number, target: number, path: RawName): void {
    const stat = new Stat();
    check(statAt(stat, source, ""), "stat", printable(path));
    const entries = listDir(source);
    if (typeof entries === "number") throw new SysError(-entries, "readdir", printable(path));
    for (const { name } of entries) this.entry(source, target, name, path);
    // Last: a default ACL would be inherited, and making entries changes times.
    copyAttributes(source, target, stat, printable(path));
  }

  private entry(source: number, target: number, name: RawName, parent: RawName): void {
    this.throwIfCancelled();
    const path = (parent === "" ? name : `${parent}/${name}`) as RawName;
    const stat = new Stat();
    check(statAt(stat, source, name), "stat", printable(path));
    this.entries++;
    const type = stat.mode & S_IFMT;
    if (type === S_IFDIR) {
      this.subdirectory(source, target, name, path);
      return;
    }
    if (stat.nlink > 1 && this.link(target, name, path, `${stat.dev}:${stat.ino}`)) return;
    if (type === S_IFREG) this.file(source, target, name, stat, printable(path));
    else this.special(source, target, name, stat, printable(path));
  }

  private subdirectory(source: number, target: number, name: RawName, path: RawName): void {
    const from = check(openSource(source, name, OPEN_DIR), "open", printable(path));
    try {
      check(makeDirAt(target, name, 0o700), "mkdir", printable(path));
      const to = check(openAt(target, name, OPEN_DIR), "open", printable(path));
      try {
        this.directory(from, to, path);
      } finally {
        close(to);
      }
    } finally {
      close(from);
    }
  }

  /** @returns whether the name is linked to a copy that there is already */
  private link(target: number, name: RawName, path: RawName, inode: string): boolean {
    const first = this.links.get(inode);
    if (first === undefined) {
      this.links.set(inode, path);
      return false;
    }
    let code = linkAt(this.root, first, target, name);
    if (code === -ENAMETOOLONG) code = this.linkFar(first, target, name);
    if (code === -EMLINK) return false;
    check(code, "link", printable(path));
    return true;
  }

  /** For paths that are too long for one call. */
  private linkFar(first: RawName, target: number, name: RawName): number {
    const parts = first.split("/") as RawName[];
    const last = parts.pop()!;
    let at = this.root;
    for (const part of parts) {
      const next = openAt(at, part, OPEN_DIR);
      if (at !== this.root) close(at);
      if (next < 0) return next;
      at = next;
    }
    const code = linkAt(at, last, target, name);
    if (at !== this.root) close(at);
    return code;
  }

  private file(source: number, target: number, name: RawName, stat: Stat, path: string): void {
    const from = check(openSource(source, name, OPEN_SOURCE), "open", path);
    try {
      const to = check(openAt(target, name, OPEN_TARGET, 0o600), "create", path);
      try {
        this.data.copy(from, to, stat, path);
        copyAttributes(from, to, stat, path);
      } finally {
        close(to);
      }
    } finally {
      close(from);
    }
  }

  private special(source: number, target: number, name: RawName, stat: Stat, path: string): void {
    if ((stat.mode & S_IFMT) === S_IFLNK) {
      const link = readLinkAt(source, name);
      if (typeof link === "number") throw new SysError(-link, "readlink", path);
      check(symlinkAt(link, target, name), "symlink", path);
    } else {
      const mode = (stat.mode & S_IFMT) | 0o600;
      check(makeNodeAt(target, name, mode, stat.rdevMajor, stat.rdevMinor), "mknod", path);
    }
    copyAttributesAt(source, target, name, stat, path);
  }

  private throwIfCancelled(): void {
    if (this.isCancelled()) throw new SysError(ECANCELED, "copy");
  }
}

/** Opens without changing the access time where that is permitted: the source is not to change by being copied. */
function openSource(dirfd: number, name: RawName, flags: number): number {
  const fd = openAt(dirfd, name, flags | O_NOATIME);
  return fd === -EPERM ? openAt(dirfd, name, flags) : fd;
}
