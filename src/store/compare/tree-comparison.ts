import { printable, type RawName, rawFromText } from "../../base/bytes.js";
import {
  O_DIRECTORY,
  O_NOATIME,
  O_NOFOLLOW,
  O_RDONLY,
  S_IFDIR,
  S_IFMT,
  S_IFREG,
} from "../../sys/constants.js";
import { listDir } from "../../sys/dir.js";
import { ENOENT, ENOTDIR, EPERM } from "../../sys/errno.js";
import { check, checkPath, SysError } from "../../sys/error.js";
import { close, openAt } from "../../sys/file.js";
import { type FsStat, Stat, statAt, statFs } from "../../sys/stat.js";
import type { TreeChange } from "../changes.js";
import { sameStat, sameTarget, sameXattrs } from "./attributes.js";
import { ContentComparer, type FilePair } from "./content.js";
import { LinkComparer } from "./links.js";

const AT_FDCWD = -100;
/** The descriptor of a directory that is only in the other tree. */
const NONE = -1;

/** A directory that is being compared. */
interface Level {
  readonly before: number;
  readonly after: number;
  readonly path: RawName;
  readonly beforeNames: readonly RawName[];
  readonly afterNames: readonly RawName[];
  /** How many of each were dealt with. */
  b: number;
  a: number;
}

/** A step of a comparison: a difference, or undefined when it only wants to be interrupted for a moment. */
type Step = TreeChange | undefined;

/** The comparison of two trees, as compareTrees says; can be left at any step. */
export class TreeComparison implements Iterable<Step> {
  private readonly levels: Level[] = [];
  private readonly links = new LinkComparer();
  private readonly stats = [new Stat(), new Stat()] as const;
  private content: ContentComparer | undefined;

  /** @param before undefined: everything is added */
  constructor(
    private readonly before: string | undefined,
    private readonly after: string,
  ) {}

  *[Symbol.iterator](): Generator<Step, void> {
    // A view shows its parent's own directory.
    if (this.before === this.after) return;
    try {
      const root = this.openRoot();
      if (root.before !== NONE) yield* this.top(root);
      for (let level = this.levels.at(-1); level !== undefined; level = this.levels.at(-1)) {
        const name = nextName(level);
        if (name === undefined) this.leave();
        else yield* this.entry(level, name);
      }
    } finally {
      while (this.levels.length > 0) this.leave();
    }
  }

  private openRoot(): Level {
    const before = this.before === undefined ? NONE : openTop(this.before);
    try {
      const after = openTop(this.after);
      const figures = {} as FsStat;
      check(statFs(figures, after), "statfs", this.after);
      this.content = new ContentComparer(figures.type);
      return this.enter(before, after, "" as RawName);
    } catch (error) {
      if (before !== NONE) close(before);
      throw error;
    }
  }

  private *top({ before, after }: Level): Generator<Step, void> {
    const pair = { before, after, name: "" as RawName, path: "" as RawName };
    const [a, b] = this.stats;
    check(statAt(a, before, ""), "stat", this.before);
    check(statAt(b, after, ""), "stat", this.after);
    if (!sameStat(a, b) || !sameXattrs(pair)) yield { type: "M", path: pair.path, mode: b.mode };
  }

  private *entry(level: Level, name: RawName): Generator<Step, void> {
    const path = (level.path === "" ? name : `${level.path}/${name}`) as RawName;
    const [before, after] = this.stats;
    const was = level.beforeNames[level.b] === name && look(before, level.before, name, path);
    const is = level.afterNames[level.a] === name && look(after, level.after, name, path);
    if (level.beforeNames[level.b] === name) level.b++;
    if (level.afterNames[level.a] === name) level.a++;
    if (!is) {
      if (was) yield { type: "D", path, mode: before.mode };
      return;
    }
    const { mode } = after;
    const wasDirectory = was && before.isDirectory;
    if (!was) yield { type: "A", path, mode };
    else if (!(yield* this.same({ before: level.before, after: level.after, name, path })))
      yield { type: "M", path, mode };
    if ((mode & S_IFMT) === S_IFDIR) this.descend(level, name, path, wasDirectory);
  }

  /** Whether nothing has become of an entry that is in both trees. */
  private *same(pair: FilePair): Generator<undefined, boolean> {
    const [before, after] = this.stats;
    const type = after.mode & S_IFMT;
    const inodes = type === S_IFDIR ? undefined : this.links.meet(before, after, pair.path);
    if (inodes?.sameNames === false) return false;
    if (inodes?.known !== undefined) return inodes.known;
    let same = false;
    try {
      same = sameStat(before, after) && sameXattrs(pair) && sameTarget(pair, after);
      if (same && type === S_IFREG) same = yield* this.content!.same(pair, this.stats);
    } catch (error) {
      // It went while it was looked at, which only an active snapshot does: it has changed.
      if (!(error instanceof SysError) || error.errno !== ENOENT) throw error;
      same = false;
    }
    inodes?.remember(same);
    return same;
  }

  private descend(level: Level, name: RawName, path: RawName, isInBoth: boolean): void {
    const after = openDirectory(level.after, name);
    if (after === -ENOENT || after === -ENOTDIR) return;
    checkPath(after, "open", path);
    const before = isInBoth ? openDirectory(level.before, name) : NONE;
    if (before < 0 && isInBoth) {
      close(after);
      checkPath(before, "open", path);
    }
    this.enter(before, after, path);
  }

  /** Takes over both descriptors. */
  private enter(before: number, after: number, path: RawName): Level {
    try {
      const beforeNames = before === NONE ? [] : names(before, path);
      const afterNames = names(after, path);
      const level = { before, after, path, beforeNames, afterNames, b: 0, a: 0 };
      this.levels.push(level);
      return level;
    } catch (error) {
      close(after);
      if (before !== NONE && path !== "") close(before);
      throw error;
    }
  }

  private leave(): void {
    const { before, after } = this.levels.pop()!;
    if (before !== NONE) close(before);
    close(after);
  }
}

/** @returns the name that is next by its bytes */
function nextName(level: Level): RawName | undefined {
  const before = level.beforeNames[level.b];
  const after = level.afterNames[level.a];
  if (before === undefined || after === undefined) return before ?? after;
  if (before < after) return before;
  return after;
}

/** @returns whether it is there; it may have gone since its name was read */
function look(out: Stat, dirfd: number, name: RawName, path: RawName): boolean {
  const code = statAt(out, dirfd, name);
  if (code === -ENOENT) return false;
  checkPath(code, "stat", path);
  return true;
}

function names(fd: number, path: RawName): RawName[] {
  const entries = listDir(fd);
  if (typeof entries === "number") throw new SysError(-entries, "readdir", printable(path));
  return entries.map(({ name }) => name).sort();
}

function openTop(path: string): number {
  return check(openDirectory(AT_FDCWD, rawFromText(path)), "open", path);
}

function openDirectory(dirfd: number, name: RawName): number {
  const flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW;
  const fd = openAt(dirfd, name, flags | O_NOATIME);
  return fd === -EPERM ? openAt(dirfd, name, flags) : fd;
}
