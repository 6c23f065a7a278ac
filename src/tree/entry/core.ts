import type { Caller, SessionControl } from "../../fuse/filesystem.js";
import type { CopyAhead } from "../../store/pending.js";
import type { Info, Snapshotter, StoreReader } from "../../store/types.js";
import { AT_FDCWD, O_DIRECTORY, O_NOFOLLOW, O_PATH, O_TRUNC } from "../../sys/constants.js";
import { ENOENT, EROFS, ESTALE } from "../../sys/errno.js";
import { check } from "../../sys/error.js";
import { close, fdPath, openAt } from "../../sys/file.js";
import { Stat, statAt } from "../../sys/stat.js";
import { Answers } from "./answers.js";
import { CopyWaits } from "./copy-waits.js";
import { Descriptors } from "./descriptors.js";
import { DirCursors } from "./dir-cursors.js";
import { EntryState } from "./entry-state.js";
import { Handles } from "./handles.js";
import { Identity } from "./identity.js";
import { KeptPages } from "./kept-pages.js";
import { NodeTable } from "./node-table.js";
import { Watches } from "./watches.js";

/** Threads that make system calls which may wait for the disk. */
export interface IoPool {
  /** @param operation which call. @param args its descriptors, addresses and numbers. @returns what it answers */
  call(operation: IoOperation, ...args: number[]): Promise<number>;
}

/** The calls that are made in the pool; arguments in the order of the system call's. */
export type IoOperation =
  | "pread"
  | "pwrite"
  | "fsync"
  | "fdatasync"
  | "syncfs"
  | "copyRange"
  | "fallocate"
  | "close";

export interface CoreOptions {
  readonly store: Snapshotter & CopyAhead;
  readonly reader: StoreReader;
  readonly pool: IoPool;
  readonly passthrough: boolean;
  /** For how long the kernel may keep attributes of what can change, in ms, if it is not changed through the mount. */
  readonly cacheTimeout: number;
  readonly readOnly: boolean;
  /** Whether directories are watched, so that what is in them may be kept for longer. */
  readonly watch: boolean;
}

/** What all operations on entries share: nodes, descriptors, handles, and how a node's file is reached. */
export class Core {
  readonly nodes: NodeTable;
  readonly fds: Descriptors;
  readonly cursors = new DirCursors();
  readonly identity = Identity.ofThread();
  readonly waits = new CopyWaits(this);
  readonly handles: Handles;
  readonly answers: Answers;
  readonly watches: Watches;
  readonly pages = new KeptPages();
  readonly stat = new Stat();
  readonly snapshots: number;
  readonly storeDev: number;
  control: SessionControl | undefined;
  /** The last opener that was made to look again. */
  private sentAway = { node: 0, opener: 0 };
  private readonly entries = new Map<number, EntryState>();

  constructor(readonly options: CoreOptions) {
    const directory = Buffer.from(options.reader.directory).latin1Slice();
    this.snapshots = check(
      openAt(AT_FDCWD, `${directory}/snapshots`, O_PATH | O_DIRECTORY),
      "open",
      `${directory}/snapshots`,
    );
    check(statAt(this.stat, this.snapshots, ""), "statx");
    this.storeDev = this.stat.dev;
    this.nodes = new NodeTable(
      (node) => this.dropNode(node),
      (entry) => this.dropUnused(entry),
    );
    this.fds = new Descriptors(this.nodes, this.snapshots, (fd) => void options.pool.call("close", fd));
    this.handles = new Handles(this.identity, options.passthrough);
    this.answers = new Answers(this);
    this.watches = new Watches(this.answers, options.watch);
  }

  /** @returns the state of a snapshot, made when the session has none yet */
  entryOf(info: Info): EntryState {
    let entry = this.entries.get(info.id);
    if (entry === undefined) {
      entry = new EntryState(info, this.storeDev);
      this.entries.set(info.id, entry);
    } else entry.info = info;
    if (entry.contentId !== entry.id) this.refreshContent(entry);
    return entry;
  }

  known(id: number): EntryState | undefined {
    return this.entries.get(id);
  }

  /** @returns 0, or why nothing may be changed below the entry */
  mayChange(entry: EntryState): number {
    if (!entry.writable || this.options.readOnly) return -EROFS;
    return entry.refusal === 0 ? 0 : -entry.refusal;
  }

  /**
   * Attributes of a node's file, reached by a descriptor that somebody holds, else by name.
   * @returns 0 or -errno; ESTALE when there is another file now, which makes the kernel look again
   */
  statNode(out: Stat, node: number): number {
    const held = this.held(node);
    if (held !== undefined) return statAt(out, held, "");
    const parent = this.nodes.parent(node);
    if (parent === 0) {
      const fd = this.fds.directory(node);
      return fd < 0 ? fd : statAt(out, fd, "");
    }
    const dirfd = this.fds.directory(parent);
    const code = dirfd < 0 ? dirfd : statAt(out, dirfd, this.nodes.name(node));
    if (code === 0 && this.nodes.is(node, out)) return 0;
    return code === 0 || code === -ENOENT ? -ESTALE : code;
  }

  /** @returns a descriptor by which a node's file is reached whatever its name leads to, or undefined */
  held(node: number): number | undefined {
    return this.fds.pin(node) ?? this.handles.ofNode(node)?.fd ?? this.nodes.entry(node)?.mapped.get(node);
  }

  /**
   * Opens a node's file and makes sure that it is that file.
   * @param opener who opens a path, by its process id: when its name leads to another file now, the kernel is made to
   * look again by ESTALE. If it comes again, it has no name to look up (/proc/self/fd), and means the one that is open
   * @returns a descriptor of the caller's, whose attributes are then in `stat`, or -errno
   */
  openNode(node: number, flags: number, opener = 0): number {
    const held = this.fds.pin(node) ?? (this.nodes.parent(node) === 0 ? this.fds.directory(node) : undefined);
    const handle = held === undefined ? this.handles.ofNode(node) : undefined;
    if (held !== undefined && held < 0) return held;
    if (held !== undefined) return this.reopen(held, flags);
    // Nothing is truncated before it is known to be that file: another one may have its name by now.
    if ((flags & O_TRUNC) !== 0) return this.withNode(node, (path) => this.reopen(path, flags), opener);
    const dirfd = this.fds.directory(this.nodes.parent(node));
    const fd = dirfd < 0 ? dirfd : openAt(dirfd, this.nodes.name(node), flags | O_NOFOLLOW);
    if (fd >= 0) {
      const code = statAt(this.stat, fd, "");
      if (code === 0 && this.nodes.is(node, this.stat)) return fd;
      close(fd);
    } else if (fd !== -ENOENT && fd !== -ESTALE && this.isNamed(node, dirfd)) return fd;
    if (handle === undefined) return -ESTALE;
    // A file that never had a name (O_TMPFILE) cannot be meant by one; nor does overlayfs, which links it, look again.
    const byName = opener !== 0 && this.nodes.name(node) !== "";
    if (byName && (this.sentAway.node !== node || this.sentAway.opener !== opener)) {
      this.sentAway = { node, opener };
      return -ESTALE;
    }
    this.sentAway = { node: 0, opener: 0 };
    return this.reopen(handle.fd, flags);
  }

  /** Whether a node's name still leads to it. */
  private isNamed(node: number, dirfd: number): boolean {
    return (
      dirfd < 0 || (statAt(this.stat, dirfd, this.nodes.name(node)) === 0 && this.nodes.is(node, this.stat))
    );
  }

  /**
   * Runs work with a descriptor of the node's file.
   * @param work gets the descriptor, and whether it is open for I/O; one that is not (O_PATH) is good for /proc/self/fd
   * @param opener as for openNode
   */
  withNode(node: number, work: (fd: number, open: boolean) => number, opener = 0): number {
    const held = this.fds.pin(node);
    if (held !== undefined) return work(held, false);
    const handle = opener === 0 ? this.handles.ofNode(node) : undefined;
    if (handle !== undefined) return work(handle.fd, true);
    const fd = this.openNode(node, O_PATH, opener);
    if (fd < 0) return fd;
    const code = work(fd, false);
    close(fd);
    return code;
  }

  /**
   * Becomes the caller for what changes a file's content.
   * @param killPrivileges the kernel says that suid and sgid go with it
   */
  actForWrite(caller: Caller, node: number, killPrivileges: boolean): void {
    if (!killPrivileges) this.identity.act(caller);
    else this.identity.actReduced(caller, this.statNode(this.stat, node) === 0 ? this.stat.mode : 0);
  }

  /** Takes over what is known of the snapshot that owns an entry's directory. */
  refreshContent(entry: EntryState): void {
    const fresh = this.options.reader.getById(entry.contentId);
    if (fresh !== undefined) entry.refreshContent(fresh);
  }

  /** Entries whose directory a snapshot owns: its own, and those of views of it. */
  *sharing(id: number): Iterable<EntryState> {
    for (const entry of this.entries.values()) if (entry.contentId === id) yield entry;
  }

  private reopen(fd: number, flags: number): number {
    // O_NOFOLLOW would refuse the link in /proc itself, which leads to exactly the file that fd holds.
    const opened = openAt(AT_FDCWD, fdPath(fd), flags & ~O_NOFOLLOW);
    if (opened >= 0) statAt(this.stat, opened, "");
    return opened;
  }

  private dropNode(node: number): void {
    this.fds.drop(node);
    this.cursors.drop(node);
    this.watches.dropNode(node);
    this.pages.drop(node);
    const entry = this.nodes.entry(node);
    if (entry === undefined) return;
    this.handles.forgetMapped(node, entry);
    if (entry.root === node) entry.root = 0;
  }

  /** Forgets what is kept of a snapshot of which the kernel knows nothing. */
  dropUnused(entry: EntryState): void {
    if (entry.unused && this.entries.get(entry.id) === entry && entry.mapped.size === 0)
      this.entries.delete(entry.id);
  }
}
