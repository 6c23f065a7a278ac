import type { RawName } from "../../base/bytes.js";
import type * as fuse from "../../fuse/filesystem.js";
import type { Info } from "../../store/types.js";
import { O_APPEND } from "../../sys/constants.js";
import { EBADF, EINVAL, ENODATA, ENOSYS, EOPNOTSUPP, EPERM, ESTALE, EXDEV } from "../../sys/errno.js";
import type { FsStat } from "../../sys/stat.js";
import { CONTROL_NODES } from "../entries.js";
import { Context, type ControlOptions } from "./context.js";
import { InfoDirectory, InfoKindDirectory, infoNode } from "./info.js";
import { KindDirectory } from "./kind-directory.js";
import { LabelsDirectory, labelFile } from "./labels.js";
import type { ControlNode } from "./node.js";
import {
  COUNTED_NODES,
  INFO_KIND_NODES,
  INFO_NODE,
  KIND_NODES,
  KINDS,
  README_NODE,
  snapshotOf,
} from "./node-ids.js";
import { renameSnapshot } from "./rename.js";
import { Readme, RootDirectory } from "./root.js";

type Answer = fuse.Answer;
type Caller = fuse.Caller;

/** The root, the directories of snapshots and info/: everything that is not inside an entry. */
export class ControlTree implements fuse.FileSystem {
  private readonly context: Context;
  private readonly fixed = new Map<number, ControlNode>();

  constructor(options: ControlOptions) {
    const context = new Context(options);
    this.context = context;
    this.fixed.set(1, new RootDirectory(context));
    this.fixed.set(README_NODE, new Readme(context));
    this.fixed.set(INFO_NODE, new InfoDirectory(context));
    for (const kind of KINDS) {
      this.fixed.set(KIND_NODES[kind], new KindDirectory(context, kind));
      this.fixed.set(INFO_KIND_NODES[kind], new InfoKindDirectory(context, kind));
    }
  }

  /** To be called after every change of the store. */
  onStoreChange(change: { readonly id: number; readonly info: Info | undefined }): void {
    if (change.info !== undefined) this.context.clock.snapshotChanged(change.id);
  }

  private node(node: number): ControlNode | undefined {
    const fixed = this.fixed.get(node);
    if (fixed !== undefined || node < CONTROL_NODES) return fixed;
    if (node >= COUNTED_NODES) return labelFile(this.context, node);
    const { id, slot } = snapshotOf(node);
    return infoNode(this.context, id, slot);
  }

  private with(node: number, work: (found: ControlNode) => Answer): Answer {
    const found = this.node(node);
    return found === undefined ? -ESTALE : work(found);
  }

  init(control: fuse.SessionControl): void {
    this.context.session = control;
  }
  destroy(): void {
    this.context.handles.releaseAll();
  }
  lookup(_caller: Caller, parent: number, name: RawName, out: fuse.Entry): Answer {
    return this.with(parent, (node) => node.lookup(name, out));
  }
  forget(node: number, count: number): void {
    // All others are made for each request from what the store says.
    if (node >= COUNTED_NODES) this.context.labelNodes.forget(node, count);
  }
  getattr(_caller: Caller, node: number, handle: number | undefined, out: fuse.Attributes): Answer {
    const file = handle === undefined ? undefined : this.context.handles.get(handle);
    return this.with(node, (found) => found.attributes(out, file?.size));
  }
  setattr(_caller: Caller, node: number, changes: fuse.Changes, out: fuse.Attributes): Answer {
    return this.with(node, (found) => found.setattr(changes, out));
  }
  readlink(_caller: Caller, node: number, out: fuse.IoArea): Answer {
    return this.with(node, (found) => found.readlink(out));
  }
  mknod(): Answer {
    return -EPERM;
  }
  mkdir(caller: Caller, parent: number, name: RawName, mode: number, out: fuse.Entry): Answer {
    return this.with(parent, (node) => node.mkdir(caller, name, mode, out));
  }
  symlink(): Answer {
    return -EPERM;
  }
  link(): Answer {
    return -EPERM;
  }
  unlink(_caller: Caller, parent: number, name: RawName): Answer {
    return this.with(parent, (node) => node.unlink(name));
  }
  rmdir(_caller: Caller, parent: number, name: RawName): Answer {
    return this.with(parent, (node) => node.rmdir(name));
  }
  rename(
    _caller: Caller,
    parent: number,
    name: RawName,
    toParent: number,
    toName: RawName,
    flags: number,
  ): Answer {
    const from = this.node(parent);
    const to = this.node(toParent);
    if (to instanceof LabelsDirectory) {
      // These are ordinary files: from elsewhere mv(1) copies them.
      return from instanceof LabelsDirectory ? from.rename(name, to, toName, flags) : -EXDEV;
    }
    if (!(from instanceof KindDirectory) || !(to instanceof KindDirectory)) return -EPERM;
    return renameSnapshot(this.context, from, name, to, toName, flags);
  }
  open(caller: Caller, node: number, flags: number, _kill: boolean, out: fuse.Opened): Answer {
    return this.with(node, (found) => found.open(caller, flags, out));
  }
  create(
    caller: Caller,
    parent: number,
    name: RawName,
    flags: number,
    _mode: number,
    _kill: boolean,
    out: fuse.Entry,
    opened: fuse.Opened,
  ): Answer {
    return this.with(parent, (node) => node.create(caller, name, flags, out, opened));
  }
  tmpfile(): Answer {
    return -EPERM;
  }
  read(
    caller: Caller,
    _node: number,
    handle: number,
    offset: number,
    size: number,
    _flags: number,
    out: fuse.IoArea,
  ): Answer {
    return this.context.handles.get(handle)?.read(caller, offset, size, out) ?? -EBADF;
  }
  write(
    _caller: Caller,
    _node: number,
    handle: number,
    offset: number,
    data: fuse.IoArea,
    size: number,
    flags: number,
  ): Answer {
    const file = this.context.handles.get(handle);
    return file?.write(data.buffer.subarray(0, size), offset, (flags & O_APPEND) !== 0) ?? -EBADF;
  }
  release(_node: number, handle: number): void {
    this.context.handles.release(handle);
  }
  fsync(_caller: Caller, _node: number, handle: number): Answer {
    return this.context.handles.get(handle)?.sync() ?? 0;
  }
  fsyncdir(): Answer {
    return 0;
  }
  readdir(_caller: Caller, node: number, offset: bigint, sink: fuse.DirSink): Answer {
    return this.with(node, (found) => found.readdir(offset, sink));
  }
  fallocate(): Answer {
    return -EOPNOTSUPP;
  }
  lseek(): Answer {
    return -EINVAL;
  }
  copyFileRange(): Answer {
    return -EINVAL;
  }
  statfs(_caller: Caller, _node: number, _out: FsStat): Answer {
    return -ENOSYS;
  }
  syncfs(): Answer {
    return 0;
  }
  getxattr(): Answer {
    return -ENODATA;
  }
  listxattr(): Answer {
    return 0;
  }
  setxattr(): Answer {
    return -EOPNOTSUPP;
  }
  removexattr(): Answer {
    return -ENODATA;
  }
}
