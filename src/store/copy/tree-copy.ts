import { printable, type RawName, rawFromText } from "../../base/bytes.js";
import {
  AT_FDCWD,
  DT_DIR,
  DT_REG,
  DT_UNKNOWN,
  LOCK_UN,
  O_CLOEXEC,
  O_DIRECTORY,
  O_NOFOLLOW,
  O_NONBLOCK,
  O_RDONLY,
  O_WRONLY,
  S_IFDIR,
  S_IFMT,
  S_IFREG,
} from "../../sys/constants.js";
import { listDir, seekDir } from "../../sys/dir.js";
import { ECANCELED, ENXIO } from "../../sys/errno.js";
import { check, checkPath, SysError } from "../../sys/error.js";
import { fault } from "../../sys/fault.js";
import { close, flock, openAt, truncateFd } from "../../sys/file.js";
import { Stat, statAt, utimesFd } from "../../sys/stat.js";
import { isUncopied, markFor, type Need } from "../pending.js";
import { copyAttributes } from "./attributes.js";
import { DataCopier, type DataWatcher } from "./data.js";
import { Expansion } from "./expansion.js";
import { LinkPool } from "./link-pool.js";
import { lock, lockAtOnce } from "./locks.js";
import { below, isGone, openDirectory, split } from "./open.js";
import { Cell, type CopySpec } from "./spec.js";
import { TreeSource } from "./tree-source.js";

const OPEN_TARGET = O_WRONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC;

/** What is left to do of a directory. */
export interface Visit {
  /** Names of directories in it. */
  readonly directories: readonly RawName[];
  /** Names of files in it that were not copied yet. */
  readonly files: readonly RawName[];
}

/**
 * Bytes of a directory that is expanded before anybody asks for it: one block of ext4, the least that a directory there
 * has. Mostly it holds a few names, which take less than another question and answer between three threads (1 to 2 ms); a
 * full one holds some hundred, and takes several times as long.
 */
const SMALL = 4096;

const NOTHING: Visit = { directories: [], files: [] };
const NEVER = (): boolean => false;
const ALWAYS = (): boolean => true;

/**
 * One thread's way of completing a tree. All that it has to know stands in the tree itself (pending.ts), so any number of
 * threads can be at the same tree, with users who change what is complete. Whatever users have put in
 * the place of something uncopied is left alone, because it is not marked; whatever they have moved was completed before.
 */
export class TreeCopy implements DataWatcher {
  readonly source: TreeSource;
  readonly links: LinkPool;
  readonly data = new DataCopier(this);
  private readonly root: number;
  /** Files that we make have the owner that most of the source have. */
  private readonly uid: number;
  private readonly gid: number;
  private expansion: Expansion | undefined;
  private readonly stat = new Stat();
  private readonly own = new Stat();

  /**
   * @param board shared by all threads of the engine
   * @param isCounted whether entries that are complete are those of the copy itself
   * @throws SysError
   */
  constructor(
    private readonly spec: CopySpec,
    readonly board: Int32Array,
    private readonly isCounted = true,
  ) {
    const { target } = spec;
    const flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
    this.root = check(openAt(AT_FDCWD, rawFromText(target), flags), "open", target);
    check(statAt(this.stat, this.root, ""), "stat", target);
    // A mount option (grpid) can give files another group than that of the thread.
    const isPlain = isUncopied(this.stat);
    this.uid = isPlain ? this.stat.uid : -1;
    this.gid = isPlain ? this.stat.gid : -1;
    this.links = new LinkPool(spec.beside.links, board);
    this.source = new TreeSource(spec, (other) => new TreeCopy(other, board, false));
  }

  /** @throws SysError ECANCELED when the copy is to stop */
  step(): void {
    check(fault("copying"), "copy");
    if (Atomics.load(this.spec.cells, Cell.cancel) !== 0) throw new SysError(ECANCELED, "copy");
  }

  /** Between pieces of a file's data. @throws SysError */
  between(): void {
    this.step();
    this.expansion?.between();
  }

  used(method: number): void {
    Atomics.or(this.spec.cells, Cell.methods, 1 << method);
  }

  counted(): void {
    if (this.isCounted) Atomics.add(this.spec.cells, Cell.entries, 1);
  }

  /** Whether what this thread makes belongs to the owner of the source without further ado. */
  isOwned(stat: Readonly<Stat>): boolean {
    return stat.uid === this.uid && stat.gid === this.gid;
  }

  /** Gives a lock back before its descriptor is closed. */
  release(fd: number): void {
    flock(fd, LOCK_UN);
  }

  /** Gives a raw directory its entries, files as placeholders. @throws SysError */
  expand(path: RawName | ""): void {
    this.inDirectory(path, (fd) => this.expandOpen(fd, path, ALWAYS) ?? NOTHING);
  }

  /** The same for a directory that nobody has asked for yet: only if it is small, and nobody else is at it. @throws SysError */
  expandSmall(path: RawName): void {
    // How large the directory of a source is that has not got its entries is not known, nor who is at it.
    if (!this.source.isWhole) return;
    this.inDirectory(path, (fd) => this.expandOpen(fd, path, ALWAYS, SMALL) ?? NOTHING);
  }

  /**
   * Completes a directory but for the directories in it, and for files when somebody is in a hurry.
   * @param isRushed asked with the number of entries left
   * @throws SysError
   */
  visit(path: RawName | "", isRushed: (left: number) => boolean): Visit {
    return this.inDirectory(path, (fd) => this.expandOpen(fd, path, isRushed) ?? this.scan(fd, path));
  }

  /** Completes files. @param path of their directory. @throws SysError */
  fillAll(path: RawName | "", names: readonly RawName[]): void {
    this.inDirectory(path, (fd) => {
      for (const name of names) this.fillIn(fd, name, below(path, name), "all");
      return NOTHING;
    });
  }

  /** Completes one file. @throws SysError */
  fill(path: RawName, need: Need): void {
    const { parent, name } = split(path);
    this.inDirectory(parent, (fd) => {
      this.fillIn(fd, name, path, need);
      return NOTHING;
    });
  }

  /** Completes what is at a path, with all that is below. @throws SysError */
  complete(path: RawName | ""): void {
    const { parent, name } = split(path as RawName);
    if (path !== "") this.fill(below(parent, name), "all");
    const left: (RawName | "")[] = [path];
    for (let at = left.pop(); at !== undefined; at = left.pop()) {
      const { directories, files } = this.visit(at, NEVER);
      this.fillAll(at, files);
      for (const directory of directories) left.push(below(at, directory));
    }
  }

  private inDirectory(path: RawName | "", work: (fd: number) => Visit): Visit {
    const fd = openDirectory(this.root, path);
    if (isGone(fd)) return NOTHING;
    checkPath(fd, "open", path);
    try {
      return work(fd);
    } finally {
      close(fd);
    }
  }

  /**
   * @param most bytes of the source; with a limit, it does not wait for others either
   * @returns undefined when the directory was not raw, or more than that
   */
  private expandOpen(
    fd: number,
    path: RawName | "",
    isRushed: (left: number) => boolean,
    most?: number,
  ): Visit | undefined {
    if (!this.isMarked(fd, path)) return undefined;
    if (most === undefined) lock(fd, this.board, path);
    else if (!lockAtOnce(fd, path)) return undefined;
    if (!this.isMarked(fd, path)) return undefined;
    const { mode } = this.stat;
    const from = this.source.directory(path);
    if (isGone(from)) return undefined;
    checkPath(from, "open", path);
    const outer = this.expansion;
    try {
      checkPath(statAt(this.own, from, ""), "stat", path);
      if (mode !== markFor(this.own.mode) || this.own.size > (most ?? Infinity)) return undefined;
      const own = new Stat();
      own.assign(this.own);
      const expansion = new Expansion(this, from, fd, path, own, isRushed);
      this.expansion = expansion;
      expansion.run();
      return expansion;
    } finally {
      this.expansion = outer;
      close(from);
    }
  }

  private isMarked(fd: number, path: RawName | ""): boolean {
    checkPath(statAt(this.stat, fd, ""), "stat", path);
    return isUncopied(this.stat);
  }

  /** What is left to do in a directory that has its entries. */
  private scan(fd: number, path: RawName | ""): Visit {
    // btrfs lists what there was when the directory was opened, or rewound; the entries may have been made since.
    checkPath(seekDir(fd, 0n), "lseek", path);
    const entries = listDir(fd);
    if (typeof entries === "number") throw new SysError(-entries, "readdir", printable(path as RawName));
    const directories: RawName[] = [];
    for (const { name, type } of entries) {
      this.step();
      let kind = type === DT_DIR ? S_IFDIR : S_IFREG;
      if (type !== DT_DIR && type !== DT_REG && type !== DT_UNKNOWN) continue;
      if (type !== DT_DIR) {
        if (statAt(this.stat, fd, name) !== 0) continue;
        kind = this.stat.mode & S_IFMT;
        if (kind === S_IFREG && isUncopied(this.stat)) this.fillIn(fd, name, below(path, name), "all");
        else if (kind === S_IFREG && this.spec.verify) this.verify(fd, name, below(path, name));
      }
      if (kind === S_IFDIR) directories.push(name);
    }
    return { directories, files: [] };
  }

  /** Completes a file if it is a placeholder; whatever else is there is not ours. */
  private fillIn(directory: number, name: RawName, path: RawName, need: Need): void {
    this.step();
    // Asked first, since opening a device that somebody has put there can do something.
    if (statAt(this.stat, directory, name) !== 0 || !isUncopied(this.stat) || this.stat.isDirectory) return;
    const to = openAt(directory, name, OPEN_TARGET);
    if (isGone(to) || to === -ENXIO) return;
    checkPath(to, "open", path);
    try {
      if (!this.isMarked(to, path)) return;
      lock(to, this.board, path);
      if (this.isMarked(to, path)) this.fillOpen(to, name, path, need);
    } finally {
      close(to);
    }
  }

  private fillOpen(to: number, name: RawName, path: RawName, need: Need): void {
    const { mode, uid, gid } = this.stat;
    const { own } = this;
    const from = this.source.file(undefined, name, path, own);
    if (isGone(from)) return;
    checkPath(from, "open", path);
    try {
      if ((own.mode & S_IFMT) !== S_IFREG || mode !== markFor(own.mode)) return;
      if (need === "all") this.data.copy(from, to, own, path);
      checkPath(fault("complete"), "complete", path);
      copyAttributes(from, to, own, mode, own.uid === uid && own.gid === gid, path);
      this.counted();
    } finally {
      close(from);
    }
  }

  /**
   * After a power cut a file can have lost data that was not on the disk, though its attributes were: they are those of the
   * source, and only the size is not. What a user has written since has another time.
   */
  private verify(directory: number, name: RawName, path: RawName): void {
    const { own, stat } = this;
    const from = this.source.file(undefined, name, path, own);
    if (from < 0) return;
    try {
      const isTouched = own.mtime !== stat.mtime || own.mtimeNs !== stat.mtimeNs;
      if (isTouched || own.size === stat.size) return;
      const to = openAt(directory, name, OPEN_TARGET);
      if (isGone(to)) return;
      checkPath(to, "open", path);
      try {
        lock(to, this.board, path);
        checkPath(truncateFd(to, 0), "ftruncate", path);
        this.data.copy(from, to, own, path);
        checkPath(utimesFd(to, own.atime, own.atimeNs, own.mtime, own.mtimeNs), "futimens", path);
      } finally {
        close(to);
      }
    } finally {
      close(from);
    }
  }

  close(): void {
    this.source.close();
    this.links.close();
    close(this.root);
  }
}
