import { setImmediate as tick } from "node:timers/promises";
import { printable, type RawName, rawFromText } from "../../base/bytes.js";
import {
  O_CLOEXEC,
  O_DIRECTORY,
  O_NOATIME,
  O_NOFOLLOW,
  O_RDONLY,
  S_IFBLK,
  S_IFCHR,
  S_IFDIR,
  S_IFIFO,
  S_IFLNK,
  S_IFMT,
  S_IFREG,
} from "../../sys/constants.js";
import { listDir, readLinkAt } from "../../sys/dir.js";
import { EPERM } from "../../sys/errno.js";
import { check, checkPath, SysError } from "../../sys/error.js";
import { close, openAt, pread } from "../../sys/file.js";
import { Stat, statAt } from "../../sys/stat.js";
import { readXattrs } from "./attributes.js";
import type { ChangeSet } from "./change-set.js";
import { type ArchiveEntry, ArchiveError, type EntryType } from "./entry.js";
import { encodeEntry } from "./header.js";
import { extentsOf } from "./sparse.js";
import { ArchiveWriter, type Sink } from "./writer.js";

const AT_FDCWD = -100;
const OPEN_DIR = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
const OPEN_FILE = O_RDONLY | O_NOFOLLOW | O_CLOEXEC;
const PIECE = 1 << 20;
/** After so long other things get their turn, in milliseconds. */
const TURN_MS = 50;
const NO_XATTRS: ReadonlyMap<RawName, Buffer> = new Map();
const WHITEOUT = ".wh.";

const TYPES = new Map<number, EntryType>([
  [S_IFREG, "file"],
  [S_IFDIR, "directory"],
  [S_IFLNK, "symlink"],
  [S_IFCHR, "character"],
  [S_IFBLK, "block"],
  [S_IFIFO, "fifo"],
]);

export interface ExportOptions {
  /** Leaves out all but these, and says what was deleted by whiteouts (OCI image layers). */
  readonly changes?: ChangeSet;
  readonly signal: AbortSignal;
  /** Called now and then with the length of the archive so far, in bytes. */
  readonly onProgress: (bytes: number) => void;
}

/** What an archive could not hold. */
export interface ExportReport {
  /** Sockets, which tar does not know, by their paths. */
  readonly sockets: readonly string[];
}

/**
 * Writes a tree as a tar archive (POSIX pax), with owners, nanosecond times, extended attributes, ACLs, devices, hard links
 * and holes. The same tree gives the same archive: entries are in the order of their names' bytes, a directory before
 * what is in it, and times of access are left out.
 * @param path of a directory, which should not change meanwhile
 * @throws SysError, ArchiveError, or the reason of the signal
 */
export async function exportTree(path: string, sink: Sink, options: ExportOptions): Promise<ExportReport> {
  const exporter = new Exporter(new ArchiveWriter(sink), options);
  const root = check(openSource(AT_FDCWD, rawFromText(path), OPEN_DIR), "open", path);
  try {
    await exporter.tree(root);
  } finally {
    close(root);
  }
  return { sockets: exporter.sockets };
}

class Exporter {
  readonly sockets: string[] = [];
  /** The first path of a file with several links, by device and inode. */
  private readonly links = new Map<string, RawName>();
  private turn = Date.now();

  constructor(
    private readonly out: ArchiveWriter,
    private readonly options: ExportOptions,
  ) {}

  async tree(root: number): Promise<void> {
    const stat = new Stat();
    check(statAt(stat, root, ""), "stat");
    await this.directory(root, "." as RawName, root, "" as RawName, stat);
    await this.out.end();
  }

  /** @param parent directory that holds `name`, which is open as fd */
  private async directory(
    parent: number,
    name: RawName,
    fd: number,
    path: RawName,
    stat: Stat,
  ): Promise<void> {
    const { changes } = this.options;
    const entries = listDir(fd);
    if (typeof entries === "number") throw new SysError(-entries, "readdir", printable(path));
    if (changes === undefined || changes.hasDirectory(path, stat))
      await this.put(parent, name, path, stat, undefined);
    // Whiteouts first, so that nothing that follows is taken away by them.
    for (const deleted of changes?.deletedIn(path) ?? []) await this.whiteout(join(path, deleted));
    entries.sort((a, b) => (a.name < b.name ? -1 : 1));
    for (const entry of entries) await this.entry(fd, entry.name, join(path, entry.name));
  }

  private async entry(directory: number, name: RawName, path: RawName): Promise<void> {
    await this.giveTurn();
    const stat = new Stat();
    checkPath(statAt(stat, directory, name), "stat", path);
    const { changes } = this.options;
    if (changes !== undefined && name.startsWith(WHITEOUT)) refuseName(path);
    if (stat.isDirectory) {
      const fd = checkPath(openSource(directory, name, OPEN_DIR), "open", path);
      try {
        await this.directory(directory, name, fd, path, stat);
      } finally {
        close(fd);
      }
      return;
    }
    if (changes !== undefined && !changes.hasFile(path)) return;
    const inode = `${stat.dev}:${stat.ino}`;
    const first = stat.nlink > 1 ? this.links.get(inode) : undefined;
    if (stat.nlink > 1 && first === undefined) this.links.set(inode, path);
    await this.put(directory, name, path, stat, first);
  }

  /** @param first the path of what this is another name of */
  private async put(
    directory: number,
    name: RawName,
    path: RawName,
    stat: Stat,
    first: RawName | undefined,
  ): Promise<void> {
    const type = first === undefined ? TYPES.get(stat.mode & S_IFMT) : "link";
    if (type === undefined) {
      this.sockets.push(printable(path));
      return;
    }
    const xattrs = type === "link" ? NO_XATTRS : readXattrs(directory, name, printable(path));
    const target = type === "symlink" ? linkTarget(directory, name, path) : (first ?? ("" as RawName));
    const entry: ArchiveEntry = {
      type,
      path,
      mode: stat.mode & 0o7777,
      uid: stat.uid,
      gid: stat.gid,
      size: 0,
      mtime: stat.mtime,
      mtimeNs: stat.mtimeNs,
      target,
      major: stat.rdevMajor,
      minor: stat.rdevMinor,
      xattrs,
      extents: undefined,
    };
    if (type === "file") await this.file(directory, name, entry, stat);
    else await this.out.write(encodeEntry(entry));
  }

  private async file(directory: number, name: RawName, head: ArchiveEntry, stat: Stat): Promise<void> {
    const shown = printable(head.path);
    const { size } = stat;
    if (size === 0) {
      await this.out.write(encodeEntry(head));
      return;
    }
    const fd = check(openSource(directory, name, OPEN_FILE), "open", shown);
    try {
      const extents = stat.blocks * 512 < size ? extentsOf(fd, size, shown) : undefined;
      const entry = { ...head, size, extents };
      await this.out.write(encodeEntry(entry));
      for (const { offset, length } of extents ?? [{ offset: 0, length: size }])
        await this.data(fd, offset, length, shown);
      await this.out.pad();
    } finally {
      close(fd);
    }
  }

  private async data(fd: number, offset: number, length: number, shown: string): Promise<void> {
    for (let done = 0; done < length; ) {
      await this.giveTurn();
      const piece = Buffer.allocUnsafe(Math.min(PIECE, length - done));
      const got = check(pread(fd, piece, piece.length, offset + done), "read", shown);
      if (got === 0) throw new ArchiveError(`${shown} has become shorter while it was read: try again`);
      await this.out.write(got === piece.length ? piece : piece.subarray(0, got));
      done += got;
    }
  }

  private async whiteout(path: RawName): Promise<void> {
    const slash = path.lastIndexOf("/") + 1;
    const name = `${path.slice(0, slash)}${WHITEOUT}${path.slice(slash)}` as RawName;
    const nothing = { mode: 0, uid: 0, gid: 0, size: 0, mtime: 0, mtimeNs: 0, target: "" as RawName };
    const entry = { ...nothing, type: "file", path: name, major: 0, minor: 0 } as const;
    await this.out.write(encodeEntry({ ...entry, xattrs: NO_XATTRS, extents: undefined }));
  }

  private async giveTurn(): Promise<void> {
    if (Date.now() - this.turn < TURN_MS) return;
    await tick();
    this.turn = Date.now();
    this.options.signal.throwIfAborted();
    this.options.onProgress(this.out.length);
  }
}

function refuseName(path: RawName): never {
  throw new ArchiveError(
    `${printable(path)} cannot be in an image layer, where names that begin with .wh. say what was deleted: export the whole snapshot`,
  );
}

function linkTarget(directory: number, name: RawName, path: RawName): RawName {
  const target = readLinkAt(directory, name);
  if (typeof target === "number") throw new SysError(-target, "readlink", printable(path));
  return target;
}

function join(directory: RawName, name: RawName): RawName {
  return (directory === "" ? name : `${directory}/${name}`) as RawName;
}

/** Opens without changing the access time where that is permitted. */
function openSource(dirfd: number, name: RawName, flags: number): number {
  const fd = openAt(dirfd, name, flags | O_NOATIME);
  return fd === -EPERM ? openAt(dirfd, name, flags) : fd;
}
