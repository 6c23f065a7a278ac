import { printable, type RawName, rawFromText } from "../../base/bytes.js";
import {
  O_CLOEXEC,
  O_CREAT,
  O_DIRECTORY,
  O_EXCL,
  O_NOFOLLOW,
  O_RDONLY,
  O_WRONLY,
  RESOLVE_IN_ROOT,
  RESOLVE_NO_MAGICLINKS,
  S_IFBLK,
  S_IFCHR,
  S_IFIFO,
} from "../../sys/constants.js";
import { linkAt, listDir, makeDirAt, makeNodeAt, symlinkAt, unlinkAt } from "../../sys/dir.js";
import { EEXIST, EISDIR, ENOENT, ENOSYS, EPERM } from "../../sys/errno.js";
import { check, checkPath, SysError } from "../../sys/error.js";
import { close, openAt, openAt2, pwrite, truncateFd } from "../../sys/file.js";
import { Stat, statAt } from "../../sys/stat.js";
import { removeDirectory } from "../copy/trees.js";
import { applyAttributes } from "./attributes.js";
import { ByteReader } from "./byte-reader.js";
import { type ArchiveEntry, ArchiveError } from "./entry.js";
import { ArchiveReader, type Member } from "./reader.js";

const AT_FDCWD = -100;
const OPEN_DIR = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
const OPEN_NEW = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;
const PIECE = 1 << 20;
const WHITEOUT = ".wh.";
const OPAQUE = ".wh..wh..opq";

export interface ImportOptions {
  /** The tree is a parent's, and names that begin with .wh. say what of it was deleted (OCI image layers). */
  readonly whiteouts: boolean;
  readonly signal: AbortSignal;
  /** Called after each entry and piece of data with the bytes read so far. */
  readonly onProgress: (bytes: number) => void;
}

/** What was unpacked, and what could not be kept. */
export interface ImportReport {
  readonly entries: number;
  /** Extended attributes that this file system or user cannot set, by name, and on how many files. */
  readonly lostAttributes: ReadonlyMap<string, number>;
  /** Types of entries that nobody knows. */
  readonly unknownTypes: readonly string[];
}

/**
 * Unpacks a tar archive into a tree. Nothing outside of the tree is ever touched: paths with `..` are refused, and symbolic
 * links on the way are followed as if the tree were the root of everything (openat2(2), RESOLVE_IN_ROOT).
 * @param path of a directory that exists
 * @throws ArchiveError, SysError, or the reason of the signal; what was unpacked until then stays
 */
export async function importTree(
  path: string,
  source: AsyncIterable<Buffer>,
  options: ImportOptions,
): Promise<ImportReport> {
  const root = check(openAt(AT_FDCWD, rawFromText(path), OPEN_DIR), "open", path);
  try {
    const bytes = new ByteReader(source);
    const reader = new ArchiveReader(bytes);
    const importer = new Importer(root, options, () => options.onProgress(bytes.position));
    for (let member = await reader.next(); member !== undefined; member = await reader.next()) {
      options.signal.throwIfAborted();
      await importer.take(member);
      options.onProgress(bytes.position);
    }
    importer.finish();
    return { entries: importer.entries, lostAttributes: importer.lost, unknownTypes: [...reader.unknown] };
  } finally {
    close(root);
  }
}

class Importer {
  entries = 0;
  readonly lost = new Map<string, number>();
  /** Directories get their attributes last: a default ACL would be inherited, and what is made in them sets their time. */
  private readonly directories = new Map<RawName, ArchiveEntry>();
  /** Paths of this archive, which its own whiteouts do not take away. */
  private readonly made = new Set<RawName>();

  constructor(
    private readonly root: number,
    private readonly options: ImportOptions,
    private readonly onData: () => void,
  ) {}

  async take(member: Member): Promise<void> {
    const { entry } = member;
    this.entries++;
    if (entry.path === "") {
      if (entry.type !== "directory")
        throw new ArchiveError("the top of the tree is no directory in this archive");
      this.directories.set(entry.path, entry);
      return;
    }
    const { directory, name } = split(entry.path);
    const parent = this.openDirectory(directory, true);
    try {
      if (this.options.whiteouts && name.startsWith(WHITEOUT)) this.whiteout(parent, directory, name);
      else await this.make(parent, name, member);
    } finally {
      close(parent);
    }
  }

  /** Gives directories their attributes, the deepest first. */
  finish(): void {
    for (const [path, entry] of [...this.directories].sort(([a], [b]) => (a < b ? 1 : -1))) {
      const fd = this.openDirectory(path, false);
      try {
        this.apply(fd, "." as RawName, entry);
      } finally {
        close(fd);
      }
    }
  }

  private async make(parent: number, name: RawName, member: Member): Promise<void> {
    const { entry } = member;
    if (this.options.whiteouts) this.remember(entry.path);
    if (entry.type === "directory") {
      this.makeDirectory(parent, name, entry);
      return;
    }
    // A link to itself would be removed before it is made.
    if (entry.type === "link" && entry.target === entry.path) return;
    this.directories.delete(entry.path);
    remove(parent, name, printable(entry.path));
    if (entry.type === "link") this.makeLink(parent, name, entry);
    else {
      await this.makeFile(parent, name, member);
      this.apply(parent, name, entry);
    }
  }

  private makeDirectory(parent: number, name: RawName, entry: ArchiveEntry): void {
    const stat = new Stat();
    if (statAt(stat, parent, name) !== 0 || !stat.isDirectory) {
      remove(parent, name, printable(entry.path));
      checkPath(makeDirAt(parent, name, 0o700), "mkdir", entry.path);
    }
    this.directories.set(entry.path, entry);
  }

  private makeLink(parent: number, name: RawName, entry: ArchiveEntry): void {
    const from = split(entry.target);
    const directory = this.openDirectory(from.directory, false);
    try {
      checkPath(linkAt(directory, from.name, parent, name), "link", entry.path);
    } finally {
      close(directory);
    }
  }

  private async makeFile(parent: number, name: RawName, member: Member): Promise<void> {
    const { entry } = member;
    const shown = printable(entry.path);
    const device = (type: number): number =>
      check(makeNodeAt(parent, name, type | 0o600, entry.major, entry.minor), "mknod", shown);
    switch (entry.type) {
      case "symlink":
        check(symlinkAt(entry.target, parent, name), "symlink", shown);
        break;
      case "fifo":
        device(S_IFIFO);
        break;
      case "character":
        device(S_IFCHR);
        break;
      case "block":
        device(S_IFBLK);
        break;
      default:
        await this.writeData(check(openAt(parent, name, OPEN_NEW, 0o600), "create", shown), member, shown);
    }
  }

  /** Closes fd. */
  private async writeData(fd: number, { entry, extents, read }: Member, shown: string): Promise<void> {
    try {
      if (entry.extents !== undefined) check(truncateFd(fd, entry.size), "ftruncate", shown);
      for (const { offset, length } of extents) {
        for (let done = 0; done < length; ) {
          this.options.signal.throwIfAborted();
          const bytes = await read(Math.min(PIECE, length - done));
          writeAll(fd, bytes, offset + done, shown);
          done += bytes.length;
          this.onData();
        }
      }
    } finally {
      close(fd);
    }
  }

  private apply(directory: number, name: RawName, entry: ArchiveEntry): void {
    for (const attribute of applyAttributes(directory, name, entry, printable(entry.path)))
      this.lost.set(attribute, (this.lost.get(attribute) ?? 0) + 1);
  }

  private whiteout(parent: number, directory: RawName, name: RawName): void {
    if (name !== OPAQUE) {
      const hidden = name.slice(WHITEOUT.length) as RawName;
      if (hidden === "" || hidden === "." || hidden === "..")
        throw new ArchiveError(`the whiteout ${printable(name)} names nothing`);
      if (!this.made.has(join(directory, hidden))) remove(parent, hidden, printable(hidden));
      return;
    }
    this.makeOpaque(parent, directory);
  }

  /** Takes away all that a directory has from the parent. */
  private makeOpaque(fd: number, path: RawName): void {
    const list = listDir(fd);
    if (typeof list === "number") throw new SysError(-list, "readdir", printable(path));
    const stat = new Stat();
    for (const { name } of list) {
      const below = join(path, name);
      if (!this.made.has(below)) {
        remove(fd, name, printable(below));
        continue;
      }
      // What this archive has put there stays, but not what the parent has below it.
      if (statAt(stat, fd, name) !== 0 || !stat.isDirectory) continue;
      const child = checkPath(openAt(fd, name, OPEN_DIR), "open", below);
      try {
        this.makeOpaque(child, below);
      } finally {
        close(child);
      }
    }
  }

  private remember(path: RawName): void {
    for (let at = path; at !== "" && !this.made.has(at); at = split(at).directory) this.made.add(at);
  }

  /** @param make makes what is missing on the way. @returns a descriptor */
  private openDirectory(path: RawName, make: boolean): number {
    if (path === "") return check(openAt(this.root, ".", OPEN_DIR), "open", ".");
    const flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC;
    let fd = openAt2(this.root, path, flags, 0, RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS);
    if (fd === -ENOENT && make) {
      this.makeWay(path);
      fd = openAt2(this.root, path, flags, 0, RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS);
    }
    if (fd === -ENOSYS)
      throw new ArchiveError("unpacking safely needs openat2(2), that is Linux 5.6 or later");
    return checkPath(fd, "open", path);
  }

  private makeWay(path: RawName): void {
    const { directory, name } = split(path);
    const parent = this.openDirectory(directory, true);
    try {
      const code = makeDirAt(parent, name, 0o755);
      if (code === -EEXIST)
        throw new ArchiveError(`${printable(path)} is in the way of what is to be unpacked below it`);
      checkPath(code, "mkdir", path);
      this.remember(path);
    } finally {
      close(parent);
    }
  }
}

function split(path: RawName): { readonly directory: RawName; readonly name: RawName } {
  const slash = path.lastIndexOf("/");
  return {
    directory: path.slice(0, Math.max(slash, 0)) as RawName,
    name: path.slice(slash + 1) as RawName,
  };
}

function join(directory: RawName, name: RawName): RawName {
  return (directory === "" ? name : `${directory}/${name}`) as RawName;
}

/** Removes whatever is there. */
function remove(parent: number, name: RawName, shown: string): void {
  const code = unlinkAt(parent, name);
  if (code === 0 || code === -ENOENT) return;
  if (code === -EISDIR || code === -EPERM) removeDirectory(parent, name, shown, () => false);
  else check(code, "unlink", shown);
}

function writeAll(fd: number, bytes: Buffer, offset: number, shown: string): void {
  for (let done = 0; done < bytes.length; ) {
    const piece = bytes.subarray(done);
    done += check(pwrite(fd, piece, piece.length, offset + done), "write", shown);
  }
}
