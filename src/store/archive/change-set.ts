import { setImmediate as tick } from "node:timers/promises";
import { printable, type RawName, rawFromText } from "../../base/bytes.js";
import {
  DT_DIR,
  DT_UNKNOWN,
  O_CLOEXEC,
  O_DIRECTORY,
  O_NOFOLLOW,
  O_RDONLY,
  S_IFDIR,
  S_IFMT,
} from "../../sys/constants.js";
import { listDir } from "../../sys/dir.js";
import { check, checkPath, SysError } from "../../sys/error.js";
import { close, openAt } from "../../sys/file.js";
import { Stat, statAt } from "../../sys/stat.js";
import type { TreeChange } from "../changes.js";

const AT_FDCWD = -100;
const OPEN_DIR = O_RDONLY | O_DIRECTORY | O_CLOEXEC;

/** What an image layer holds: what is new or other than in the parent, and what has to come with it. */
export class ChangeSet {
  /** Paths that are new or modified. */
  private readonly changed = new Set<RawName>();
  /** Directories in which something has changed: unpacking gives them another time. */
  private readonly touched = new Set<RawName>();
  /** Names that are to be taken away before anything is unpacked, by their directory. */
  private readonly deleted = new Map<RawName, RawName[]>();
  /** Files with several names of which one has changed: all names belong together. */
  private readonly linked = new Set<string>();
  private readonly stat = new Stat();
  private readonly before: number;
  private readonly after: number;

  /**
   * @param before path of the parent's directory
   * @param after path of the snapshot's
   * @throws SysError
   */
  constructor(before: string, after: string) {
    this.before = check(openAt(AT_FDCWD, rawFromText(before), OPEN_DIR), "open", before);
    this.after = openAt(AT_FDCWD, rawFromText(after), OPEN_DIR);
    if (this.after < 0) close(this.before);
    check(this.after, "open", after);
  }

  /** Takes over what a comparison has found. */
  add({ type, path, mode }: TreeChange): void {
    const slash = path.lastIndexOf("/");
    const directory = path.slice(0, Math.max(slash, 0)) as RawName;
    if (path !== "") this.touched.add(directory);
    if (type === "D") {
      this.delete(directory, path.slice(slash + 1) as RawName);
      return;
    }
    this.changed.add(path);
    const isDirectory = (mode & S_IFMT) === S_IFDIR;
    if (type === "M" && path !== "" && this.wasDirectory(path) !== isDirectory)
      this.delete(directory, path.slice(slash + 1) as RawName);
    if (isDirectory || statAt(this.stat, this.after, path) < 0) return;
    if (this.stat.nlink > 1) this.linked.add(inodeOf(this.stat));
  }

  /**
   * To be called when all is added: looks for the other names of files with several names.
   * @throws SysError, or the reason of the signal
   */
  async complete(signal: AbortSignal): Promise<void> {
    if (this.linked.size > 0) await this.findNames(this.after, "" as RawName, signal);
  }

  private async findNames(fd: number, path: RawName, signal: AbortSignal): Promise<void> {
    await tick();
    signal.throwIfAborted();
    const entries = listDir(fd);
    if (typeof entries === "number") throw new SysError(-entries, "readdir", printable(path));
    for (const { name, type } of entries) {
      const below = (path === "" ? name : `${path}/${name}`) as RawName;
      const isKnown = type !== DT_UNKNOWN || statAt(this.stat, fd, name) < 0;
      if (type === DT_DIR || (!isKnown && this.stat.isDirectory)) {
        const child = checkPath(openAt(fd, name, OPEN_DIR | O_NOFOLLOW), "open", below);
        try {
          await this.findNames(child, below, signal);
        } finally {
          close(child);
        }
      } else if (statAt(this.stat, fd, name) === 0 && this.linked.has(inodeOf(this.stat))) {
        this.changed.add(below);
        this.touched.add(path);
      }
    }
  }

  /** Whether a directory of the snapshot belongs to the layer. */
  hasDirectory(path: RawName, now: Readonly<Stat>): boolean {
    if (this.changed.has(path) || this.touched.has(path)) return true;
    // A comparison leaves out what has no other change than its time.
    const code = statAt(this.stat, this.before, path);
    return code < 0 || this.stat.mtime !== now.mtime || this.stat.mtimeNs !== now.mtimeNs;
  }

  /** Whether anything else does. */
  hasFile(path: RawName): boolean {
    return this.changed.has(path);
  }

  /** @returns names that a directory has lost, or that are of another type now, in order */
  deletedIn(directory: RawName): readonly RawName[] {
    return (this.deleted.get(directory) ?? []).sort();
  }

  close(): void {
    close(this.before);
    close(this.after);
  }

  private delete(directory: RawName, name: RawName): void {
    const names = this.deleted.get(directory);
    if (names === undefined) this.deleted.set(directory, [name]);
    else names.push(name);
  }

  private wasDirectory(path: RawName): boolean {
    return statAt(this.stat, this.before, path) === 0 && this.stat.isDirectory;
  }
}

function inodeOf(stat: Readonly<Stat>): string {
  return `${stat.dev}:${stat.ino}`;
}
