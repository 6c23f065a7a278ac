import { readFileSync } from "node:fs";
import type { RawName } from "../../base/bytes.js";
import { log } from "../../base/log.js";
import type { Attention, SessionControl } from "../../fuse/filesystem.js";
import { S_IFDIR, S_IFLNK, S_IFMT, S_IFREG } from "../../sys/constants.js";
import { close } from "../../sys/file.js";
import {
  IN_ATTRIB,
  IN_CLOSE_WRITE,
  IN_CREATE,
  IN_DELETE,
  IN_EXCL_UNLINK,
  IN_IGNORED,
  IN_MODIFY,
  IN_MOVED_FROM,
  IN_MOVED_TO,
  IN_Q_OVERFLOW,
  Inotify,
} from "../../sys/inotify.js";
import type { Stat } from "../../sys/stat.js";
import type { EntryState } from "./entry-state.js";
import type { NodeTable } from "./node-table.js";

const debug = log("watches");
/**
 * Longest time in ms for which what is watched may be kept, and never longer than it has been as it is. Not for ever,
 * because inotify(7) says nothing of stores through a mapping, and nothing in this directory of what is changed by a
 * name in another one.
 */
const MOST_MS = 60_000;
/** What has changed in so many ms is likely to change again, and not worth a watch. */
const LEAST_AGE_MS = 2000;
/** For how long a directory is left alone in which too much happens, in ms. */
const REST_MS = 10_000;
/** Within so many ms of each other events count as many. */
const BURST_MS = 1000;
/** So many changes of files, and then of names, are too much: telling costs who makes them, and taking it in costs us. */
const MANY_CHANGES = 8;
const MANY_NAMES = 64;
/** Most names of one directory that are kept for longer: all of them may have to be taken back at once. */
const MOST_NAMES = 4096;
/** Most directories. Each watch keeps an inode in the kernel's memory, about 1 KiB. */
const MOST_WATCHES = 16_384;
/** Part of what a user may watch that we take. */
const PART = 0.5;
/** Bytes of a file from which on whoever has it open may read it by many calls. */
const LARGE = 256 * 1024;
/**
 * Names are let expire once more after so many ms: whoever asked for one may have been answered before, and has kept the
 * answer only after the first time.
 */
const AGAIN_MS = 100;

const NAMES = IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO | IN_EXCL_UNLINK;
const ALL = NAMES | IN_ATTRIB | IN_MODIFY | IN_CLOSE_WRITE;

/** A directory in which changes are told. */
interface Watch {
  readonly descriptor: number;
  readonly node: number;
  readonly entry: EntryState;
  /** Whether changes of the files are told, and not of names only. */
  full: boolean;
  /** When they may be told again. */
  fullAfter: number;
  /** What the kernel keeps for longer: nodes by name, 0 for a name that does not exist. */
  readonly names: Map<RawName, number>;
  /** When something was last prolonged. */
  used: number;
  /** Events since `since`. */
  events: number;
  since: number;
}

interface Again {
  readonly due: number;
  readonly parent: number;
  readonly name: RawName;
}

/** Where directories and their files are reached. */
export interface Surroundings {
  readonly nodes: Pick<NodeTable, "entry" | "parent" | "name">;
  /** @returns a descriptor of a directory, or -errno */
  directory(node: number): number;
  /** Brings stat up to date. @returns whether the name still leads to the node */
  look(parent: number, name: RawName, node: number, stat: Stat): boolean;
}

/**
 * Directories of active entries in which somebody looks again and again. The native directories are watched, so the
 * kernel may keep their names and attributes for longer than the second that it may keep what can change behind its
 * back: what is changed natively is taken back from it at once.
 *
 * A watched directory makes I/O on its files dearer (0.1 to 0.2 µs a call), also natively: so those are left out in
 * which somebody writes or has large files open, and those of which too much is told.
 */
export class Watches implements Attention {
  readonly fd: number;
  control: SessionControl | undefined;
  private readonly inotify: Inotify | undefined;
  private readonly byNode = new Map<number, Watch>();
  private readonly byDescriptor = new Map<number, Watch>();
  /** Until when directories are left alone. */
  private readonly resting = new Map<number, number>();
  /** How many handles keep a directory from being watched for changes of its files. */
  private readonly busy = new Map<number, number>();
  private readonly disturbers = new Map<number, number>();
  private readonly changed = new Set<number>();
  private readonly again: Again[] = [];
  private readonly most: number;

  /**
   * @param wanted whether anything is watched
   * @param now a clock in ms
   */
  constructor(
    private readonly around: Surroundings,
    wanted: boolean,
    private readonly now: () => number = () => performance.now(),
  ) {
    const inotify = wanted ? Inotify.open() : -1;
    if (typeof inotify === "number" && wanted) debug("nothing is watched: errno %d", -inotify);
    this.inotify = typeof inotify === "number" ? undefined : inotify;
    this.fd = this.inotify?.fd ?? -1;
    this.most = this.inotify === undefined ? 0 : mostWatches();
  }

  /** How many directories are watched. */
  get size(): number {
    return this.byNode.size;
  }

  /**
   * For how long the name and the attributes of a file may be kept that the kernel asks for again.
   * @param stat of the file, which was there under this name a moment ago; brought up to date when a watch begins
   * @returns ms, 0 when not for longer than usual
   */
  prolong(parent: number, name: RawName, node: number, stat: Stat): number {
    if (this.inotify === undefined || ageOf(stat) < LEAST_AGE_MS) return 0;
    const type = stat.mode & S_IFMT;
    const isDirectory = type === S_IFDIR;
    // What has other names may be changed by them.
    if (!isDirectory && (stat.nlink !== 1 || (type !== S_IFREG && type !== S_IFLNK))) return 0;
    const before = this.begun;
    const watch = this.watch(parent, !isDirectory);
    if (watch === undefined) return 0;
    const own = isDirectory ? this.watch(node, true) : watch;
    if (own?.full !== true) return 0;
    if (before !== this.begun && !this.around.look(parent, name, node, stat)) return 0;
    return this.keep(watch, name, node) ? Math.min(MOST_MS, ageOf(stat)) : 0;
  }

  /** For how long it may be kept that there is no such name. @returns ms, 0 when not for longer than usual */
  prolongAbsence(parent: number, name: RawName): number {
    const watch = this.byNode.get(parent);
    return watch !== undefined && this.keep(watch, name, 0) ? MOST_MS : 0;
  }

  /**
   * For how long the attributes of a file may be kept that was reached by its name; of a directory, in whatever way.
   * @returns ms, 0 when not for longer than usual
   */
  prolongAttributes(node: number, stat: Readonly<Stat>): number {
    if (this.byNode.size === 0 || ageOf(stat) < LEAST_AGE_MS) return 0;
    const { nodes } = this.around;
    const isDirectory = (stat.mode & S_IFMT) === S_IFDIR;
    const watch = this.byNode.get(isDirectory ? node : nodes.parent(node));
    if (watch?.full !== true || (!isDirectory && stat.nlink !== 1)) return 0;
    if (!isDirectory && watch.names.get(nodes.name(node)) !== node) return 0;
    watch.used = this.now();
    return Math.min(MOST_MS, ageOf(stat));
  }

  /** A file has been opened. @param handle its number. @param size of the file in bytes */
  opened(handle: number, node: number, writable: boolean, size: number): void {
    if (this.inotify === undefined || (!writable && size < LARGE)) return;
    const parent = this.around.nodes.parent(node);
    this.disturbers.set(handle, parent);
    this.busy.set(parent, (this.busy.get(parent) ?? 0) + 1);
    const watch = this.byNode.get(parent);
    if (watch?.full) this.mute(watch);
  }

  released(handle: number): void {
    const parent = this.disturbers.get(handle);
    if (parent === undefined) return;
    this.disturbers.delete(handle);
    const left = this.busy.get(parent)! - 1;
    if (left > 0) this.busy.set(parent, left);
    else this.busy.delete(parent);
  }

  /** A name was made or removed through the mount: the kernel knows. */
  renewed(parent: number, name: RawName): void {
    const watch = this.byNode.get(parent);
    if (watch === undefined) return;
    watch.names.delete(name);
    // The event that comes of it is not one too much.
    watch.events--;
  }

  /**
   * A file was moved through the mount; the kernel keeps its new name as long as it would have kept the old one.
   * @param exchanged whether what had that name has its old one now
   */
  moved(parent: number, name: RawName, toParent: number, toName: RawName, exchanged: boolean): void {
    const node = this.byNode.get(parent)?.names.get(name);
    const other = this.byNode.get(toParent)?.names.get(toName);
    this.renewed(parent, name);
    this.renewed(toParent, toName);
    if (node !== undefined) this.follow(toParent, toName, node);
    if (exchanged && other !== undefined) this.follow(parent, name, other);
  }

  private follow(parent: number, name: RawName, node: number): void {
    const watch = this.byNode.get(parent);
    if (watch === undefined || !this.keep(watch, name, node)) this.expire(parent, name);
  }

  /** The node ends. */
  dropNode(node: number): void {
    if (this.byNode.size === 0) return;
    const watch = this.byNode.get(node);
    if (watch !== undefined) this.end(watch);
    const above = this.byNode.get(this.around.nodes.parent(node));
    const name = this.around.nodes.name(node);
    if (above?.names.get(name) === node) above.names.delete(name);
  }

  /** What an entry holds does not change any more, or is not looked at. */
  dropEntry(entry: EntryState): void {
    if (this.byNode.size === 0) return;
    this.attend();
    for (const watch of this.byNode.values()) if (watch.entry === entry) this.end(watch);
  }

  attend(): number {
    const { inotify, again } = this;
    if (inotify === undefined || (this.byNode.size === 0 && again.length === 0)) return -1;
    const code = inotify.read((descriptor, mask, name) => this.take(descriptor, mask, name));
    if (code < 0) debug("inotify: errno %d", -code);
    this.flush();
    const now = this.now();
    while (again.length > 0 && again[0]!.due <= now) {
      const { parent, name } = again.shift()!;
      void this.control?.expireEntry(parent, name);
    }
    return again.length > 0 ? Math.max(1, Math.ceil(again[0]!.due - now)) : -1;
  }

  closeAll(): void {
    if (this.inotify !== undefined) close(this.inotify.fd);
    this.byNode.clear();
    this.byDescriptor.clear();
  }

  /** Counts the watches that have begun, or have got fuller. */
  private begun = 0;

  /** @returns the watch of a directory, begun when there may be one */
  private watch(node: number, full: boolean): Watch | undefined {
    const known = this.byNode.get(node);
    const entry = this.around.nodes.entry(node);
    const now = this.now();
    if (known !== undefined) {
      if (full && !known.full && known.fullAfter <= now && !this.busy.has(node)) this.fill(known);
      return known;
    }
    const rest = this.resting.get(node) ?? 0;
    if (rest > now || entry === undefined || this.inotify === undefined) return undefined;
    this.resting.delete(node);
    if (this.byNode.size >= this.most && !this.sweep()) return undefined;
    const isFull = full && !this.busy.has(node);
    const dirfd = this.around.directory(node);
    const descriptor = dirfd < 0 ? dirfd : this.inotify.watch(dirfd, isFull ? ALL : NAMES);
    if (descriptor < 0) return undefined;
    const names = new Map<RawName, number>();
    const watch = {
      descriptor,
      node,
      entry,
      full: isFull,
      fullAfter: 0,
      names,
      used: now,
      events: 0,
      since: now,
    };
    this.byNode.set(node, watch);
    this.byDescriptor.set(descriptor, watch);
    this.begun++;
    return watch;
  }

  private fill(watch: Watch): void {
    if (!this.tune(watch, ALL)) return;
    watch.full = true;
    this.begun++;
  }

  /** From now on only names are told of, so that reading and writing cost nothing more. */
  private mute(watch: Watch): void {
    watch.full = false;
    watch.fullAfter = this.now() + REST_MS;
    if (!this.tune(watch, NAMES)) return;
    for (const node of watch.names.values()) if (node !== 0) this.changed.add(node);
    this.changed.add(watch.node);
    this.flush();
  }

  private tune(watch: Watch, mask: number): boolean {
    const dirfd = this.around.directory(watch.node);
    if (dirfd >= 0 && this.inotify?.watch(dirfd, mask) === watch.descriptor) return true;
    this.recall(watch);
    return false;
  }

  /** Notes what the kernel is about to keep. @returns whether it may */
  private keep(watch: Watch, name: RawName, node: number): boolean {
    if (watch.names.size >= MOST_NAMES && !watch.names.has(name)) return false;
    watch.names.set(name, node);
    watch.used = this.now();
    return true;
  }

  private take(descriptor: number, mask: number, name: RawName | ""): void {
    if ((mask & IN_Q_OVERFLOW) !== 0) {
      debug("too much is told: everything is taken back");
      for (const watch of this.byNode.values()) this.recall(watch);
      return;
    }
    const watch = this.byDescriptor.get(descriptor);
    if (watch === undefined) return;
    if ((mask & IN_IGNORED) !== 0) {
      this.recall(watch);
      return;
    }
    this.count(watch);
    if ((mask & NAMES) !== 0 && name !== "") this.takeName(watch, name);
    else this.takeChange(watch, name);
  }

  private takeName(watch: Watch, name: RawName): void {
    this.changed.add(watch.node);
    const node = watch.names.get(name);
    if (node !== undefined) {
      watch.names.delete(name);
      if (node !== 0) this.changed.add(node);
      this.expire(watch.node, name);
    }
    if (watch.events > MANY_NAMES) this.recall(watch);
  }

  private takeChange(watch: Watch, name: RawName | ""): void {
    const node = name === "" ? watch.node : watch.names.get(name);
    if (node !== undefined && node !== 0) this.changed.add(node);
    if (watch.events > MANY_CHANGES && watch.full) this.mute(watch);
  }

  private count(watch: Watch): void {
    const now = this.now();
    if (now - watch.since > BURST_MS) {
      watch.since = now;
      watch.events = 0;
    }
    watch.events++;
  }

  private expire(parent: number, name: RawName): void {
    void this.control?.expireEntry(parent, name);
    this.again.push({ due: this.now() + AGAIN_MS, parent, name });
  }

  private flush(): void {
    for (const node of this.changed) this.control?.invalidateInode(node, -1, 0);
    this.changed.clear();
  }

  /** Ends a watch, and takes back all that the kernel keeps because of it. */
  private recall(watch: Watch): void {
    this.end(watch);
    this.resting.set(watch.node, this.now() + REST_MS);
    this.changed.add(watch.node);
    for (const [name, node] of watch.names) {
      if (node !== 0) this.changed.add(node);
      this.expire(watch.node, name);
    }
  }

  private end(watch: Watch): void {
    this.inotify?.unwatch(watch.descriptor);
    this.byNode.delete(watch.node);
    this.byDescriptor.delete(watch.descriptor);
  }

  /** Ends the watches of what the kernel does not keep for longer any more. @returns whether there is room */
  private sweep(): boolean {
    const before = this.now() - MOST_MS;
    for (const watch of this.byNode.values()) if (watch.used < before) this.end(watch);
    for (const [node, until] of this.resting) if (until < this.now()) this.resting.delete(node);
    return this.byNode.size < this.most;
  }
}

/** Milliseconds since the file was changed last. */
function ageOf(stat: Readonly<Stat>): number {
  return Date.now() - stat.ctime * 1000;
}

function mostWatches(): number {
  const allowed = Number(readFileSync("/proc/sys/fs/inotify/max_user_watches", "latin1"));
  return Math.min(MOST_WATCHES, Math.floor(allowed * PART));
}
