import { readFileSync } from "node:fs";
import type { RawName } from "../../base/bytes.js";
import {
  IN_ATTRIB,
  IN_CLOSE_WRITE,
  IN_CREATE,
  IN_DELETE,
  IN_EXCL_UNLINK,
  IN_MODIFY,
  IN_MOVED_FROM,
  IN_MOVED_TO,
  type Inotify,
} from "../../sys/inotify.js";
import type { EntryState } from "./entry-state.js";
import type { NodeTable } from "./node-table.js";

/** For how long a directory is left alone in which too much happens, in ms. */
const REST_MS = 10_000;
/** Most directories. Each watch keeps an inode in the kernel's memory, about 1 KiB. */
const MOST_WATCHES = 16_384;
/** Part of what a user may watch that we take. */
const PART = 0.5;
/** Most names of one directory, and of all, that are kept for longer: all of them may have to be taken back at once. */
const MOST_NAMES = 4096;
const MOST_NAMES_IN_ALL = 131_072;
/** Room is looked for once in so many ms. */
const SWEEP_EVERY_MS = 1000;

/** What is told of names. */
export const NAMES = IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO;
const ALL = NAMES | IN_ATTRIB | IN_MODIFY | IN_CLOSE_WRITE;

/** A directory in which changes are told. */
export interface Watch {
  readonly descriptor: number;
  readonly node: number;
  readonly entry: EntryState;
  /** Whether changes of the files are told, and not of names only. */
  full: boolean;
  /** When they may be told again. */
  fullAfter: number;
  /** What the kernel keeps for longer because of it: nodes by name, 0 for a name that does not exist. */
  readonly names: ReadonlyMap<RawName, number>;
  /** When something was last kept for longer. */
  used: number;
  /** Events since `since`. */
  events: number;
  since: number;
}

/** Only the table changes them, since it counts them. */
type Names = Map<RawName, number>;

/** Where directories are reached. */
export interface Directories {
  readonly nodes: Pick<NodeTable, "entry" | "parent" | "name">;
  /** @returns a descriptor of a directory that stays its owner's, or -errno */
  directory(node: number): number;
}

/** Which directories are watched, and which may not be. */
export class WatchTable {
  private readonly byNode = new Map<number, Watch>();
  private readonly byDescriptor = new Map<number, Watch>();
  /** Until when directories are left alone. */
  private readonly resting = new Map<number, number>();
  /** How many open files keep a directory from being watched for changes of its files. */
  private readonly busy = new Map<number, number>();
  private kept = 0;
  private swept = Number.NEGATIVE_INFINITY;
  /** How often a watch has begun, or has got fuller. */
  begun = 0;

  /**
   * @param now a clock in ms
   * @param keptFor ms after which the kernel keeps nothing because of a watch any more
   * @param most directories that may be watched
   */
  constructor(
    private readonly directories: Directories,
    private readonly inotify: Inotify,
    private readonly now: () => number,
    private readonly keptFor: number,
    private readonly most: number,
  ) {}

  get size(): number {
    return this.byNode.size;
  }

  of(node: number): Watch | undefined {
    return this.byNode.get(node);
  }

  ofDescriptor(descriptor: number): Watch | undefined {
    return this.byDescriptor.get(descriptor);
  }

  all(): Iterable<Watch> {
    return this.byNode.values();
  }

  /**
   * @param full whether changes of the files are to be told as well, if that may be
   * @returns the watch of a directory, begun if there is none; undefined when it cannot be watched, or not now
   */
  watch(node: number, full: boolean): Watch | undefined {
    const known = this.byNode.get(node);
    const mayBeFull = full && !this.busy.has(node);
    if (known === undefined) return this.begin(node, mayBeFull);
    if (!mayBeFull || known.full || known.fullAfter > this.now()) return known;
    if (!this.tell(known, true)) return undefined;
    known.full = true;
    this.begun++;
    return known;
  }

  /** From now on only names are told of. @returns whether it is so; it cannot be told what happens otherwise */
  mute(watch: Watch): boolean {
    watch.full = false;
    watch.fullAfter = this.now() + REST_MS;
    return this.tell(watch, false);
  }

  /**
   * Notes what the kernel is about to keep for longer.
   * @param node 0 when there is no such name
   * @returns whether it may
   */
  keep(watch: Watch, name: RawName, node: number): boolean {
    const { names } = watch;
    if (!names.has(name)) {
      if (names.size >= MOST_NAMES || this.kept >= MOST_NAMES_IN_ALL) return false;
      this.kept++;
    }
    // Where it is the same, the string that the table of nodes holds anyway.
    const held = node === 0 ? name : this.directories.nodes.name(node);
    (names as Names).set(held === name ? held : name, node);
    watch.used = this.now();
    return true;
  }

  /** The kernel does not keep it for longer any more. */
  forget(watch: Watch, name: RawName): void {
    if ((watch.names as Names).delete(name)) this.kept--;
  }

  end(watch: Watch): void {
    this.inotify.unwatch(watch.descriptor);
    this.kept -= watch.names.size;
    this.byNode.delete(watch.node);
    this.byDescriptor.delete(watch.descriptor);
  }

  /** Leaves a directory alone for a while. */
  rest(node: number): void {
    this.resting.set(node, this.now() + REST_MS);
  }

  /** Keeps a directory from being watched for changes of its files; as often as that, release has to be called. */
  hold(node: number): void {
    this.busy.set(node, (this.busy.get(node) ?? 0) + 1);
  }

  release(node: number): void {
    const left = (this.busy.get(node) ?? 0) - 1;
    if (left > 0) this.busy.set(node, left);
    else this.busy.delete(node);
  }

  private begin(node: number, full: boolean): Watch | undefined {
    const entry = this.directories.nodes.entry(node);
    const now = this.now();
    if (entry === undefined || (this.resting.get(node) ?? 0) > now) return undefined;
    this.resting.delete(node);
    if (this.byNode.size >= this.most && !this.sweep()) return undefined;
    const descriptor = this.ask(node, full);
    if (descriptor < 0) return undefined;
    const names: Names = new Map();
    const watch = { descriptor, node, entry, full, fullAfter: 0, names, used: now, events: 0, since: now };
    this.byNode.set(node, watch);
    this.byDescriptor.set(descriptor, watch);
    this.begun++;
    return watch;
  }

  private tell(watch: Watch, full: boolean): boolean {
    return this.ask(watch.node, full) === watch.descriptor;
  }

  /** @returns the watch descriptor of a directory, of which that much is told from now on, or -errno */
  private ask(node: number, full: boolean): number {
    const dirfd = this.directories.directory(node);
    return dirfd < 0 ? dirfd : this.inotify.watch(dirfd, (full ? ALL : NAMES) | IN_EXCL_UNLINK);
  }

  /** Ends the watches because of which the kernel keeps nothing any more. @returns whether there is room now */
  private sweep(): boolean {
    const now = this.now();
    if (now - this.swept < SWEEP_EVERY_MS) return false;
    this.swept = now;
    for (const watch of this.byNode.values()) if (watch.used < now - this.keptFor) this.end(watch);
    for (const [node, until] of this.resting) if (until < now) this.resting.delete(node);
    return this.byNode.size < this.most;
  }
}

/** @returns how many directories may be watched, so that others of the same user can watch as many */
export function mostWatches(): number {
  const allowed = Number(readFileSync("/proc/sys/fs/inotify/max_user_watches", "latin1"));
  return Math.min(MOST_WATCHES, Math.floor(allowed * PART));
}
