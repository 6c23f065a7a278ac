import type { RawName } from "../../base/bytes.js";
import { log } from "../../base/log.js";
import type { Attention, SessionControl } from "../../fuse/filesystem.js";
import { S_IFDIR, S_IFLNK, S_IFMT, S_IFREG } from "../../sys/constants.js";
import { close } from "../../sys/file.js";
import { IN_IGNORED, IN_Q_OVERFLOW, Inotify } from "../../sys/inotify.js";
import { changedAgo, type Stat } from "../../sys/stat.js";
import type { EntryState } from "./entry-state.js";
import { type Directories, mostWatches, NAMES, type Watch, WatchTable } from "./watch-table.js";

const debug = log("watches");
/**
 * For so long what is watched may be kept, in ms. Not for ever, because inotify(7) says nothing of stores through a mapping,
 * and nothing in this directory of what is changed by a name in another one.
 */
const KEPT_MS = 60_000;
/** What has changed in so many ms is likely to change again, and not worth a watch. */
const LEAST_AGE_MS = 1000;
/** Within so many ms of each other events count as many. */
const BURST_MS = 1000;
/** So many changes of files, and then of names, are too much: telling costs who makes them, and taking it in costs us. */
const MANY_CHANGES = 8;
const MANY_NAMES = 64;
/** Bytes of a file from which on whoever has it open may read it by many calls. */
const LARGE = 256 * 1024;
/**
 * Names are let expire once more after so many ms: whoever asked for one may have been answered before, and has kept the
 * answer only after the first time.
 */
const AGAIN_MS = 100;
/** So many names are let expire at a time; requests are answered in between. */
const A_TIME = 256;

interface Name {
  readonly parent: number;
  readonly name: RawName;
}

/** Where directories and their files are reached. */
export interface Surroundings extends Directories {
  /** Brings stat up to date. @returns whether the name still leads to the node */
  look(parent: number, name: RawName, node: number, stat: Stat): boolean;
}

/**
 * Directories of active entries in which somebody looks again and again. The native directories are watched, so the
 * kernel may keep their names and attributes for longer than the second that it may keep what can change behind its
 * back: what is changed natively is taken back from it at once.
 *
 * A watched directory makes I/O on its files dearer (0.1 to 0.2 µs a call), also natively: so files are left out where
 * somebody writes or has a large one open, and where too much is told.
 */
export class Watches implements Attention {
  readonly fd: number;
  control: Pick<SessionControl, "invalidateInode" | "expireEntry"> | undefined;
  private readonly inotify: Inotify | undefined;
  private readonly table: WatchTable | undefined;
  /** Directories that open files hold, by handle. */
  private readonly holders = new Map<number, number>();
  /** Nodes whose attributes are to be taken back. */
  private readonly changed = new Set<number>();
  private readonly expiring: Name[] = [];
  private readonly again: (Name & { readonly due: number })[] = [];

  /**
   * @param wanted whether anything is watched
   * @param now a clock in ms
   * @param most directories that may be watched
   */
  constructor(
    private readonly around: Surroundings,
    wanted: boolean,
    private readonly now: () => number = () => performance.now(),
    most = wanted ? mostWatches() : 0,
  ) {
    const inotify = wanted ? Inotify.open() : undefined;
    if (typeof inotify === "number") debug("nothing is watched: errno %d", -inotify);
    else if (inotify !== undefined) {
      this.inotify = inotify;
      this.table = new WatchTable(around, inotify, now, KEPT_MS, most);
    }
    this.fd = this.inotify?.fd ?? -1;
  }

  /** How many directories are watched. */
  get size(): number {
    return this.table?.size ?? 0;
  }

  /**
   * For how long the name and the attributes of a file may be kept that the kernel asks for again.
   * @param stat of the file, which was there under this name a moment ago; brought up to date when a watch begins
   * @returns ms, 0 when not for longer than usual
   */
  prolong(parent: number, name: RawName, node: number, stat: Stat): number {
    const { table } = this;
    if (table === undefined || changedAgo(stat) < LEAST_AGE_MS) return 0;
    const type = stat.mode & S_IFMT;
    const isDirectory = type === S_IFDIR;
    // What has other names may be changed by them.
    if (!isDirectory && (stat.nlink !== 1 || (type !== S_IFREG && type !== S_IFLNK))) return 0;
    const before = table.begun;
    const watch = table.watch(parent, !isDirectory);
    if (watch === undefined) return 0;
    const own = isDirectory ? table.watch(node, true) : watch;
    if (own?.full !== true) return 0;
    own.used = this.now();
    if (before !== table.begun && !this.around.look(parent, name, node, stat)) return 0;
    return table.keep(watch, name, node) ? KEPT_MS : 0;
  }

  /** For how long it may be kept that there is no such name. @returns ms, 0 when not for longer than usual */
  prolongAbsence(parent: number, name: RawName): number {
    const watch = this.table?.of(parent);
    return watch !== undefined && this.table?.keep(watch, name, 0) ? KEPT_MS : 0;
  }

  /**
   * For how long the attributes of a file may be kept that was reached by its name; of a directory, in whatever way.
   * @returns ms, 0 when not for longer than usual
   */
  prolongAttributes(node: number, stat: Readonly<Stat>): number {
    if (this.size === 0 || changedAgo(stat) < LEAST_AGE_MS) return 0;
    const { nodes } = this.around;
    const isDirectory = (stat.mode & S_IFMT) === S_IFDIR;
    const watch = this.table?.of(isDirectory ? node : nodes.parent(node));
    if (watch?.full !== true) return 0;
    if (!isDirectory && (stat.nlink !== 1 || watch.names.get(nodes.name(node)) !== node)) return 0;
    watch.used = this.now();
    return KEPT_MS;
  }

  /** A file has been opened. @param handle its number. @param size of the file in bytes */
  opened(handle: number, node: number, writable: boolean, size: number): void {
    const { table } = this;
    if (table === undefined || (!writable && size < LARGE)) return;
    const parent = this.around.nodes.parent(node);
    this.holders.set(handle, parent);
    table.hold(parent);
    const watch = table.of(parent);
    if (watch?.full) this.mute(watch);
  }

  released(handle: number): void {
    const parent = this.holders.get(handle);
    if (parent === undefined) return;
    this.holders.delete(handle);
    this.table?.release(parent);
  }

  /** A name was made or removed through the mount: the kernel knows. */
  renewed(parent: number, name: RawName): void {
    const watch = this.table?.of(parent);
    if (watch === undefined) return;
    this.table?.forget(watch, name);
    // The event that comes of it is not one too much.
    watch.events--;
  }

  /**
   * A file was moved through the mount; the kernel keeps its new name as long as it would have kept the old one.
   * @param exchanged whether what had that name has its old one now
   */
  moved(parent: number, name: RawName, toParent: number, toName: RawName, exchanged: boolean): void {
    const node = this.table?.of(parent)?.names.get(name);
    const other = this.table?.of(toParent)?.names.get(toName);
    this.renewed(parent, name);
    this.renewed(toParent, toName);
    if (node !== undefined) this.expiring.push({ parent: toParent, name: toName });
    if (exchanged && other !== undefined) this.expiring.push({ parent, name });
  }

  /** The node ends. */
  dropNode(node: number): void {
    const { table } = this;
    if (table === undefined || table.size === 0) return;
    const watch = table.of(node);
    if (watch !== undefined) table.end(watch);
    const above = table.of(this.around.nodes.parent(node));
    const name = this.around.nodes.name(node);
    if (above?.names.get(name) === node) table.forget(above, name);
  }

  /**
   * An entry is not watched any more.
   * @param isChanged whether it holds something else now; what is kept of it stays right otherwise
   */
  dropEntry(entry: EntryState, isChanged: boolean): void {
    const { table } = this;
    if (table === undefined || table.size === 0) return;
    this.attend();
    for (const watch of table.all()) {
      if (watch.entry !== entry) continue;
      if (isChanged) this.recall(watch);
      else table.end(watch);
    }
    if (isChanged) this.attend();
  }

  attend(): number {
    const { inotify, expiring, again } = this;
    if (inotify === undefined || (this.size === 0 && expiring.length + again.length === 0)) return -1;
    const code = inotify.read((descriptor, mask, name) => this.take(descriptor, mask, name));
    if (code < 0) debug("inotify: errno %d", -code);
    this.flush();
    const now = this.now();
    for (const { parent, name } of expiring.splice(0, A_TIME)) {
      void this.control?.expireEntry(parent, name);
      again.push({ parent, name, due: now + AGAIN_MS });
    }
    let due = 0;
    while (due < Math.min(again.length, A_TIME) && again[due]!.due <= now) due++;
    for (const { parent, name } of again.splice(0, due)) void this.control?.expireEntry(parent, name);
    if (expiring.length > 0) return 1;
    return again.length > 0 ? Math.max(1, Math.ceil(again[0]!.due - now)) : -1;
  }

  closeAll(): void {
    if (this.inotify !== undefined) close(this.inotify.fd);
  }

  private take(descriptor: number, mask: number, name: RawName | ""): void {
    const { table } = this;
    if ((mask & IN_Q_OVERFLOW) !== 0) {
      debug("events were lost: everything is taken back");
      for (const watch of table?.all() ?? []) this.recall(watch);
      return;
    }
    const watch = table?.ofDescriptor(descriptor);
    if (watch === undefined) return;
    if ((mask & IN_IGNORED) !== 0) {
      this.recall(watch);
      return;
    }
    const now = this.now();
    if (now - watch.since > BURST_MS) {
      watch.since = now;
      watch.events = 0;
    }
    watch.events++;
    if ((mask & NAMES) !== 0 && name !== "") this.takeName(watch, name);
    else this.takeChange(watch, name);
  }

  private takeName(watch: Watch, name: RawName): void {
    this.changed.add(watch.node);
    const node = watch.names.get(name);
    if (node !== undefined) {
      this.table?.forget(watch, name);
      if (node !== 0) this.changed.add(node);
      this.expiring.push({ parent: watch.node, name });
    }
    if (watch.events > MANY_NAMES) this.recall(watch);
  }

  private takeChange(watch: Watch, name: RawName | ""): void {
    const node = name === "" ? watch.node : watch.names.get(name);
    if (node !== undefined && node !== 0) this.changed.add(node);
    if (watch.events > MANY_CHANGES && watch.full) this.mute(watch);
  }

  /** From now on only names are told of, and reading and writing cost nothing more. */
  private mute(watch: Watch): void {
    if (!this.table?.mute(watch)) {
      this.recall(watch);
      return;
    }
    this.changed.add(watch.node);
    for (const node of watch.names.values()) if (node !== 0) this.changed.add(node);
    this.flush();
  }

  /** Ends a watch, and takes back all that the kernel keeps because of it. */
  private recall(watch: Watch): void {
    this.table?.end(watch);
    this.table?.rest(watch.node);
    this.changed.add(watch.node);
    for (const [name, node] of watch.names) {
      if (node !== 0) this.changed.add(node);
      this.expiring.push({ parent: watch.node, name });
    }
  }

  private flush(): void {
    for (const node of this.changed) this.control?.invalidateInode(node, -1, 0);
    this.changed.clear();
  }
}
