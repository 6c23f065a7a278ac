import { printable, type RawName } from "../../base/bytes.js";
import {
  DT_REG,
  O_CLOEXEC,
  O_CREAT,
  O_EXCL,
  O_NOFOLLOW,
  O_WRONLY,
  S_IFDIR,
  S_IFLNK,
  S_IFMT,
  S_IFREG,
} from "../../sys/constants.js";
import { listDir, makeDirAt, makeNodeAt, readLinkAt, symlinkAt, unlinkAt } from "../../sys/dir.js";
import { EEXIST, ENOENT } from "../../sys/errno.js";
import { checkPath, SysError } from "../../sys/error.js";
import { fault } from "../../sys/fault.js";
import { close, openAt } from "../../sys/file.js";
import { chmodAt, Stat } from "../../sys/stat.js";
import { markFor } from "../pending.js";
import { copyAttributes, copyAttributesAt } from "./attributes.js";
import { lock } from "./locks.js";
import { below } from "./open.js";
import type { TreeCopy } from "./tree-copy.js";

const NEW_FILE = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;

interface Listed {
  readonly name: RawName;
  readonly type: number;
}

/** A raw directory on its way to be one that has its entries; locked by whoever made this. */
export class Expansion {
  /** Names of directories, which are raw. */
  readonly directories: RawName[] = [];
  /** Names of files that are placeholders yet. */
  readonly files: RawName[] = [];
  private entries: readonly Listed[] = [];
  private at = 0;
  /** Something was left by an expansion that a crash has cut off. Nobody but it has seen this directory. */
  private isRepeated = false;
  private isDone = false;
  /** The file whose data is being copied. */
  private current: { readonly fd: number; readonly path: RawName } | undefined;
  private readonly stat = new Stat();
  /** Of `current`, which outlives what is made while its data is copied. */
  private readonly content = new Stat();

  /**
   * @param from, to descriptors of the directories
   * @param own attributes of `from`
   * @param isRushed asked before each file whether those that are left shall be made as placeholders
   */
  constructor(
    private readonly copy: TreeCopy,
    private readonly from: number,
    private readonly to: number,
    private readonly path: RawName | "",
    private readonly own: Readonly<Stat>,
    private readonly isRushed: (left: number) => boolean,
  ) {}

  /** @throws SysError; the directory stays raw then */
  run(): void {
    const there = this.list(this.to);
    this.isRepeated = there.length > 0;
    this.entries = this.list(this.from);
    while (this.at < this.entries.length) {
      this.copy.step();
      const entry = this.entries[this.at++]!;
      this.make(entry, !this.isRushed(this.entries.length - this.at));
    }
    this.finish();
  }

  /** Called between pieces of a file's data: makes the rest at once when somebody waits for the directory. */
  between(): void {
    const { current } = this;
    if (this.isDone || current === undefined || !this.isRushed(this.entries.length - this.at)) return;
    // From now on others can see the file, and may want to complete it themselves.
    lock(current.fd, this.copy.board, current.path);
    while (this.at < this.entries.length) this.make(this.entries[this.at++]!, false);
    this.finish();
  }

  private finish(): void {
    if (this.isDone) return;
    const mark = markFor(this.own.mode);
    copyAttributes(this.from, this.to, this.own, mark, this.copy.isOwned(this.own), this.path);
    this.isDone = true;
    this.copy.release(this.to);
  }

  private list(fd: number): readonly Listed[] {
    const entries = listDir(fd);
    if (typeof entries === "number") throw new SysError(-entries, "readdir", printable(this.path as RawName));
    return entries;
  }

  private make({ name, type }: Listed, withContent: boolean): void {
    const path = below(this.path, name);
    if (type === DT_REG && !this.isRepeated) this.file(name, path, withContent);
    else this.makeOther(name, path, withContent);
  }

  private makeOther(name: RawName, path: RawName, withContent: boolean): void {
    checkPath(this.copy.source.stat(this.from, name, path, this.stat), "stat", path);
    const kind = this.stat.mode & S_IFMT;
    if (kind === S_IFDIR) this.directory(name, path);
    else if (kind === S_IFREG) this.file(name, path, withContent);
    else this.special(name, path);
  }

  private directory(name: RawName, path: RawName): void {
    const mark = markFor(this.stat.mode) & 0o7777;
    const code = makeDirAt(this.to, name, mark);
    if (code === -EEXIST && this.isRepeated) checkPath(chmodAt(this.to, name, mark), "chmod", path);
    else checkPath(code, "mkdir", path);
    this.directories.push(name);
    this.copy.counted();
  }

  private file(name: RawName, path: RawName, withContent: boolean): void {
    const { stat, content, copy } = this;
    if (!withContent) {
      checkPath(copy.source.stat(this.from, name, path, stat), "stat", path);
      this.placeholder(name, path);
      return;
    }
    const from = checkPath(copy.source.file(this.from, name, path, content), "open", path);
    try {
      if (content.nlink === 1) this.whole(name, from, path);
      else {
        stat.assign(content);
        this.placeholder(name, path);
      }
    } finally {
      close(from);
    }
  }

  private placeholder(name: RawName, path: RawName): void {
    const { stat } = this;
    if (stat.nlink > 1)
      this.copy.links.place(stat, this.to, name, path, (dir, as) => this.create(dir, as, path));
    else this.create(this.to, name, path);
    this.files.push(name);
  }

  private create(directory: number, name: RawName, path: RawName): void {
    const fd = openAt(directory, name, NEW_FILE, markFor(this.stat.mode) & 0o7777);
    if (fd !== -EEXIST || !this.isRepeated) close(checkPath(fd, "create", path));
  }

  private whole(name: RawName, from: number, path: RawName): void {
    const { content: stat, copy } = this;
    const mark = markFor(stat.mode);
    const to = openAt(this.to, name, NEW_FILE, mark & 0o7777);
    if (to === -EEXIST && this.isRepeated) {
      this.files.push(name);
      return;
    }
    checkPath(to, "create", path);
    try {
      if (stat.size > 0) {
        this.current = { fd: to, path };
        copy.data.copy(from, to, stat, path);
      }
      checkPath(fault("complete"), "complete", path);
      copyAttributes(from, to, stat, mark, copy.isOwned(stat), path);
      copy.counted();
    } finally {
      this.current = undefined;
      close(to);
    }
  }

  private special(name: RawName, path: RawName): void {
    const { stat } = this;
    if (this.isRepeated && stat.nlink === 1) {
      // Its attributes may be missing, which its mode does not tell.
      const code = unlinkAt(this.to, name);
      if (code !== -ENOENT) checkPath(code, "unlink", path);
    }
    const make = (dir: number, as: RawName): void => this.makeSpecial(name, dir, as, path);
    if (stat.nlink > 1) this.copy.links.place(stat, this.to, name, path, make);
    else make(this.to, name);
    this.copy.counted();
  }

  private makeSpecial(name: RawName, directory: number, as: RawName, path: RawName): void {
    const { stat } = this;
    if ((stat.mode & S_IFMT) === S_IFLNK) {
      const link = readLinkAt(this.from, name);
      if (typeof link === "number") throw new SysError(-link, "readlink", printable(path));
      checkPath(symlinkAt(link, directory, as), "symlink", path);
    } else {
      const mode = (stat.mode & S_IFMT) | 0o600;
      checkPath(makeNodeAt(directory, as, mode, stat.rdevMajor, stat.rdevMinor), "mknod", path);
    }
    copyAttributesAt(this.from, name, directory, as, stat, this.copy.isOwned(stat), path);
  }
}
