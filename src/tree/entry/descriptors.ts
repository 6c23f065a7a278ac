import type { RawName } from "../../base/bytes.js";
import { isUncopied } from "../../store/pending.js";
import { O_DIRECTORY, O_NOFOLLOW, O_PATH } from "../../sys/constants.js";
import { ENOENT, ESTALE } from "../../sys/errno.js";
import { close, openAt } from "../../sys/file.js";
import { Stat, statAt } from "../../sys/stat.js";
import type { NodeTable } from "./node-table.js";

/** Most directories that are held open at a time, beside the pinned ones. */
const MOST_DIRECTORIES = 512;
/** Bytes of a file from which on deleting it, which the last close does, takes milliseconds. */
const LARGE = 4 * 2 ** 20;

/**
 * O_PATH descriptors of directories, the most recently used ones, and of nodes that no name leads to any more
 * ("pinned"). Everything below an entry is reached as (descriptor of the directory, name), each step without following
 * links and each directory checked to be the one meant, so that nobody can steer us elsewhere by renaming.
 */
export class Descriptors {
  private readonly directories = new Map<number, number>();
  private readonly pinned = new Map<number, number>();
  /** Those of them that are of large files. */
  private readonly large = new Set<number>();
  private readonly stat = new Stat();

  /**
   * @param snapshots descriptor of the store's snapshots/
   * @param closeElsewhere closes a descriptor when that may take long, so that nobody else waits for it
   */
  constructor(
    private readonly nodes: NodeTable,
    private readonly snapshots: number,
    private readonly closeElsewhere: (fd: number) => void,
  ) {}

  get count(): number {
    return this.directories.size + this.pinned.size;
  }

  /** @returns an O_PATH descriptor that stays this class's, or -errno: ESTALE when another file is there now */
  directory(node: number): number {
    this.renew(node);
    const held = this.pinned.get(node) ?? this.directories.get(node);
    if (held !== undefined) {
      const entry = this.nodes.entry(node);
      if (entry?.gone) return -ENOENT;
      this.touch(node, held);
      return held;
    }
    return this.open(node);
  }

  /** Looks whether the root directory of an entry has been replaced by the one that was being made. */
  renew(node: number): void {
    const entry = this.nodes.entry(node);
    if (entry?.provisional !== true || this.nodes.parent(node) !== 0) return;
    if (statAt(this.stat, this.snapshots, entry.directory as RawName) < 0) return;
    entry.provisional = isUncopied(this.stat);
    if (this.nodes.is(node, this.stat)) return;
    this.drop(node);
    this.nodes.replace(node, this.stat);
  }

  /** @returns the pinned descriptor of a node, or undefined */
  pin(node: number): number | undefined {
    return this.pinned.get(node);
  }

  /** Keeps a node reachable although its name is about to go. @param size of its file in bytes */
  pinByName(node: number, dirfd: number, name: RawName, size: number): void {
    if (this.pinned.has(node)) return;
    const cached = this.directories.get(node);
    if (cached !== undefined) {
      this.directories.delete(node);
      this.pinned.set(node, cached);
      return;
    }
    const fd = openAt(dirfd, name, O_PATH | O_NOFOLLOW);
    // Failing to pin only means that the node answers ESTALE once its name has gone.
    if (fd < 0) return;
    this.pinned.set(node, fd);
    if (size >= LARGE) this.large.add(node);
  }

  /** A pinned node has a name again. */
  unpin(node: number): void {
    const fd = this.pinned.get(node);
    if (fd === undefined) return;
    this.pinned.delete(node);
    if (this.large.delete(node)) this.closeElsewhere(fd);
    else close(fd);
  }

  /** The node ends, or its directory may not be used any more. */
  drop(node: number): void {
    this.unpin(node);
    const fd = this.directories.get(node);
    if (fd === undefined) return;
    this.directories.delete(node);
    close(fd);
  }

  closeAll(): void {
    for (const fd of this.directories.values()) close(fd);
    for (const fd of this.pinned.values()) close(fd);
    this.directories.clear();
    this.pinned.clear();
  }

  private touch(node: number, fd: number): void {
    if (this.directories.size < MOST_DIRECTORIES / 2 || !this.directories.delete(node)) return;
    this.directories.set(node, fd);
  }

  private open(start: number): number {
    // Up to the nearest directory that is still open, then down again by name: deep trees must not recurse.
    const missing: number[] = [];
    let dirfd = this.snapshots;
    for (let node = start; node !== 0; node = this.nodes.parent(node)) {
      if (this.nodes.entry(node) === undefined || this.nodes.entry(node)?.gone) return -ENOENT;
      const held = this.pinned.get(node) ?? this.directories.get(node);
      if (held !== undefined) {
        dirfd = held;
        break;
      }
      missing.push(node);
    }
    for (let i = missing.length - 1; i >= 0; i--) {
      const node = missing[i]!;
      const name = this.nodes.parent(node) === 0 ? this.nodes.entry(node)!.directory : this.nodes.name(node);
      const fd = openAt(dirfd, name, O_PATH | O_NOFOLLOW | O_DIRECTORY);
      if (fd < 0) return this.nodes.parent(node) === 0 ? fd : -ESTALE;
      const code = this.verify(fd, node);
      if (code < 0) {
        close(fd);
        return code;
      }
      this.directories.set(node, fd);
      dirfd = fd;
    }
    this.evict(start);
    return dirfd;
  }

  private verify(fd: number, node: number): number {
    const code = statAt(this.stat, fd, "");
    if (code < 0) return code;
    return this.nodes.is(node, this.stat) ? 0 : -ESTALE;
  }

  private evict(keep: number): void {
    for (const [node, fd] of this.directories) {
      if (this.directories.size <= MOST_DIRECTORIES) return;
      if (node === keep) continue;
      this.directories.delete(node);
      close(fd);
    }
  }
}
