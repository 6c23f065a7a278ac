import { realpathSync } from "node:fs";
import { type RawName, rawFromText } from "../../base/bytes.js";
import type * as fuse from "../../fuse/filesystem.js";
import { isUncopied } from "../../store/pending.js";
import { contentId, type Info } from "../../store/types.js";
import { O_DIRECTORY, O_RDONLY } from "../../sys/constants.js";
import { listDir } from "../../sys/dir.js";
import { EBUSY } from "../../sys/errno.js";
import { close, openAt } from "../../sys/file.js";
import { type FsStat, Stat, statAt, statFs } from "../../sys/stat.js";
import type { Entries } from "../entries.js";
import { AttributeOperations } from "./attribute-operations.js";
import { isBindMounted } from "./bind-mounts.js";
import { Core, type CoreOptions } from "./core.js";
import { FileOperations } from "./file-operations.js";
import { ListingOperations } from "./listing-operations.js";
import { NameOperations } from "./name-operations.js";
import { XattrOperations } from "./xattr-operations.js";

type Answer = fuse.Answer;
type Caller = fuse.Caller;

/** How much a tree holds, to be seen by tests and in the log. */
export interface TreeCounts {
  /** That the kernel knows, below entries. */
  readonly nodes: number;
  /** Open files. */
  readonly handles: number;
  /** Of directories and of files without a name, beside those of open files. */
  readonly descriptors: number;
  /** Directories in which changes are told. */
  readonly watches: number;
}

/** The passthrough part of the tree: everything below the entries, and the entries' root directories. */
export class EntryTree implements fuse.FileSystem, Entries {
  private readonly core: Core;
  private readonly attributes: AttributeOperations;
  private readonly listings: ListingOperations;
  private readonly names: NameOperations;
  private readonly xattrs: XattrOperations;
  private readonly files: FileOperations;
  private readonly stat = new Stat();

  constructor(options: CoreOptions) {
    this.core = new Core(options);
    this.attributes = new AttributeOperations(this.core);
    this.listings = new ListingOperations(this.core);
    this.names = new NameOperations(this.core);
    this.xattrs = new XattrOperations(this.core);
    this.files = new FileOperations(this.core);
  }

  init(control: fuse.SessionControl): void {
    this.core.control = control;
    this.core.watches.control = control;
  }

  destroy(): void {
    this.core.handles.closeAll(undefined);
    this.core.cursors.closeAll();
    this.core.fds.closeAll();
    this.core.watches.closeAll();
    close(this.core.snapshots);
  }

  /** What is held for the kernel and for open files. */
  counts(): TreeCounts {
    const { nodes, handles, fds, cursors, watches } = this.core;
    const descriptors = fds.count + cursors.count;
    return { nodes: nodes.size, handles: handles.count, descriptors, watches: watches.size };
  }

  /** What tells of changes made natively. */
  get attention(): fuse.Attention {
    return this.core.watches;
  }

  // What control directories ask.

  lookupRoot(info: Info, out: fuse.Entry): number {
    const { core } = this;
    const entry = core.entryOf(info);
    if (entry.root !== 0) core.fds.renew(entry.root);
    const code = statAt(out.stat, core.snapshots, entry.directory as RawName);
    if (code < 0) return code;
    entry.provisional = entry.pending && isUncopied(out.stat);
    core.answers.entry(entry, 0, entry.directory as RawName, out.stat, out);
    entry.root = out.node;
    // An empty one without a parent may be given one, and is another directory then under a name that the kernel knows.
    if (entry.writable && info.parentId === undefined && !core.nodes.hasChildren(out.node))
      out.entryTimeout = 0;
    return 0;
  }

  owner(info: Info): { readonly uid: number; readonly gid: number } | undefined {
    const { stat } = this;
    return statAt(stat, this.core.snapshots, String(contentId(info)) as RawName) < 0 ? undefined : stat;
  }

  refresh(info: Info): void {
    for (const sharing of this.core.sharing(info.id)) sharing.refreshContent(info);
    const entry = this.core.known(info.id);
    if (entry === undefined) return;
    const wasWritable = entry.writable;
    entry.info = info;
    if (wasWritable !== entry.writable) entry.durable = false;
    // An empty one has been given a parent, or it is immutable from now on.
    if (entry.pending || wasWritable !== entry.writable) this.core.watches.dropEntry(entry, entry.pending);
  }

  forgetEntry(id: number): void {
    const entry = this.core.known(id);
    if (entry === undefined) return;
    entry.gone = true;
    this.core.watches.dropEntry(entry, false);
    if (entry.root !== 0) this.core.fds.drop(entry.root);
  }

  checkQuiescent(info: Info): number {
    const { core } = this;
    const entry = core.known(info.id);
    if (entry !== undefined && core.handles.isEntryWritten(entry)) {
      core.control?.drainReleases();
      if (core.handles.isEntryWritten(entry)) return -EBUSY;
    }
    const snapshots = rawFromText(realpathSync(`${core.options.reader.directory}/snapshots`));
    return isBindMounted(snapshots, info.id) ? -EBUSY : 0;
  }

  async whileUnchanged<T>(info: Info, errno: number, work: () => Promise<T>): Promise<T> {
    const entry = this.core.entryOf(info);
    entry.refusal = errno;
    try {
      return await work();
    } finally {
      entry.refusal = 0;
      this.core.dropUnused(entry);
    }
  }

  isOpen(id: number): boolean {
    const entry = this.core.known(id);
    if (entry === undefined || entry.handles === 0) return false;
    this.core.control?.drainReleases();
    return entry.handles > 0;
  }

  isEmpty(info: Info): number {
    const fd = openAt(this.core.snapshots, String(contentId(info)), O_RDONLY | O_DIRECTORY);
    if (fd < 0) return fd;
    const code = statAt(this.stat, fd, "");
    // A directory that has not got its entries yet will have those of its source.
    const raw = info.copy !== undefined && code === 0 && isUncopied(this.stat);
    const entries = raw ? [] : listDir(fd);
    close(fd);
    if (typeof entries === "number") return entries;
    const parent =
      raw && info.parentId !== undefined ? this.core.options.reader.getById(info.parentId) : undefined;
    return parent === undefined ? Number(entries.length === 0) : this.isEmpty(parent);
  }

  // The file system below entries.

  lookup(caller: Caller, parent: number, name: RawName, out: fuse.Entry): Answer {
    return this.names.lookup(caller, parent, name, out);
  }
  forget(node: number, count: number): void {
    this.core.nodes.forget(node, count);
  }
  getattr(_caller: Caller, node: number, _handle: number | undefined, out: fuse.Attributes): Answer {
    return this.attributes.getattr(node, out);
  }
  setattr(caller: Caller, node: number, changes: fuse.Changes, out: fuse.Attributes): Answer {
    return this.attributes.setattr(caller, node, changes, out);
  }
  readlink(_caller: Caller, node: number, out: fuse.IoArea): Answer {
    return this.names.readlink(node, out);
  }
  mknod(caller: Caller, parent: number, name: RawName, mode: number, rdev: number, out: fuse.Entry): Answer {
    return this.names.mknod(caller, parent, name, mode, rdev, out);
  }
  mkdir(caller: Caller, parent: number, name: RawName, mode: number, out: fuse.Entry): Answer {
    return this.names.mkdir(caller, parent, name, mode, out);
  }
  symlink(caller: Caller, parent: number, name: RawName, target: RawName, out: fuse.Entry): Answer {
    return this.names.symlink(caller, parent, name, target, out);
  }
  link(caller: Caller, node: number, parent: number, name: RawName, out: fuse.Entry): Answer {
    return this.names.link(caller, node, parent, name, out);
  }
  unlink(caller: Caller, parent: number, name: RawName): Answer {
    return this.names.remove(caller, parent, name, false);
  }
  rmdir(caller: Caller, parent: number, name: RawName): Answer {
    return this.names.remove(caller, parent, name, true);
  }
  rename(
    caller: Caller,
    parent: number,
    name: RawName,
    toParent: number,
    toName: RawName,
    flags: number,
  ): Answer {
    return this.names.rename(caller, parent, name, toParent, toName, flags);
  }
  open(caller: Caller, node: number, flags: number, kill: boolean, out: fuse.Opened): Answer {
    return this.files.open(caller, node, flags, kill, out);
  }
  create(
    caller: Caller,
    parent: number,
    name: RawName,
    flags: number,
    mode: number,
    kill: boolean,
    out: fuse.Entry,
    opened: fuse.Opened,
  ): Answer {
    return this.files.create(caller, parent, name, flags, mode, kill, out, opened);
  }
  tmpfile(
    c: Caller,
    parent: number,
    flags: number,
    mode: number,
    out: fuse.Entry,
    opened: fuse.Opened,
  ): Answer {
    return this.files.tmpfile(c, parent, flags, mode, out, opened);
  }
  read(
    _c: Caller,
    node: number,
    handle: number,
    offset: number,
    size: number,
    _f: number,
    out: fuse.IoArea,
  ): Answer {
    return this.files.read(node, handle, offset, size, out);
  }
  write(
    caller: Caller,
    node: number,
    handle: number,
    offset: number,
    data: fuse.IoArea,
    size: number,
    _flags: number,
    kill: boolean,
  ): Answer {
    return this.files.write(caller, node, handle, offset, data, size, kill);
  }
  release(node: number, handle: number): void {
    this.files.release(node, handle);
  }
  fsync(_caller: Caller, node: number, handle: number, dataOnly: boolean): Answer {
    return this.files.fsync(node, handle, dataOnly);
  }
  fsyncdir(caller: Caller, node: number, dataOnly: boolean): Answer {
    return this.files.fsyncdir(caller, node, dataOnly);
  }
  readdir(caller: Caller, node: number, offset: bigint, sink: fuse.DirSink): Answer {
    return this.listings.readdir(caller, node, offset, sink);
  }
  fallocate(_c: Caller, node: number, handle: number, mode: number, offset: number, length: number): Answer {
    return this.files.fallocate(node, handle, mode, offset, length);
  }
  lseek(_caller: Caller, node: number, handle: number, offset: number, whence: number): Answer {
    return this.files.lseek(node, handle, offset, whence);
  }
  copyFileRange(
    _caller: Caller,
    node: number,
    handle: number,
    offset: number,
    toNode: number,
    toHandle: number,
    toOffset: number,
    length: number,
  ): Answer {
    return this.files.copyFileRange(node, handle, offset, toNode, toHandle, toOffset, length);
  }
  statfs(_caller: Caller, _node: number, out: FsStat): Answer {
    return statFs(out, this.core.snapshots);
  }
  syncfs(): Answer {
    return this.files.syncfs();
  }
  getxattr(_caller: Caller, node: number, name: RawName, size: number, out: fuse.IoArea): Answer {
    return this.xattrs.getxattr(node, name, size, out);
  }
  listxattr(caller: Caller, node: number, size: number, out: fuse.IoArea): Answer {
    return this.xattrs.listxattr(caller, node, size, out);
  }
  setxattr(
    caller: Caller,
    node: number,
    name: RawName,
    value: Buffer,
    flags: number,
    killSgid: boolean,
  ): Answer {
    return this.xattrs.setxattr(caller, node, name, value, flags, killSgid);
  }
  removexattr(caller: Caller, node: number, name: RawName): Answer {
    return this.xattrs.removexattr(caller, node, name);
  }
}
