import type { RawName } from "../base/bytes.js";
import type * as fuse from "../fuse/filesystem.js";
import { ROOT_NODE } from "../fuse/filesystem.js";
import { EPERM, EXDEV } from "../sys/errno.js";
import type { FsStat } from "../sys/stat.js";
import { CONTROL_NODES } from "./entries.js";

type Answer = fuse.Answer;
type Caller = fuse.Caller;

const isControl = (node: number): boolean => node === ROOT_NODE || node >= CONTROL_NODES;

/** Hands every request to the part of the tree that its node belongs to: control directories or entries. */
export class Router implements fuse.FileSystem {
  constructor(
    private readonly control: fuse.FileSystem,
    private readonly entries: fuse.FileSystem,
  ) {}

  private of(node: number): fuse.FileSystem {
    return isControl(node) ? this.control : this.entries;
  }

  init(session: fuse.SessionControl): void {
    this.control.init(session);
    this.entries.init(session);
  }
  destroy(): void {
    this.control.destroy();
    this.entries.destroy();
  }
  lookup(caller: Caller, parent: number, name: RawName, out: fuse.Entry): Answer {
    return this.of(parent).lookup(caller, parent, name, out);
  }
  forget(node: number, count: number): void {
    this.of(node).forget(node, count);
  }
  getattr(caller: Caller, node: number, handle: number | undefined, out: fuse.Attributes): Answer {
    return this.of(node).getattr(caller, node, handle, out);
  }
  setattr(caller: Caller, node: number, changes: fuse.Changes, out: fuse.Attributes): Answer {
    return this.of(node).setattr(caller, node, changes, out);
  }
  readlink(caller: Caller, node: number, out: fuse.IoArea): Answer {
    return this.of(node).readlink(caller, node, out);
  }
  mknod(caller: Caller, parent: number, name: RawName, mode: number, rdev: number, out: fuse.Entry): Answer {
    return this.of(parent).mknod(caller, parent, name, mode, rdev, out);
  }
  mkdir(caller: Caller, parent: number, name: RawName, mode: number, out: fuse.Entry): Answer {
    return this.of(parent).mkdir(caller, parent, name, mode, out);
  }
  symlink(caller: Caller, parent: number, name: RawName, target: RawName, out: fuse.Entry): Answer {
    return this.of(parent).symlink(caller, parent, name, target, out);
  }
  link(caller: Caller, node: number, parent: number, name: RawName, out: fuse.Entry): Answer {
    // What could be linked there is refused anyway: control directories hold snapshots only.
    if (isControl(parent)) return -EPERM;
    if (isControl(node)) return -EXDEV;
    return this.entries.link(caller, node, parent, name, out);
  }
  unlink(caller: Caller, parent: number, name: RawName): Answer {
    return this.of(parent).unlink(caller, parent, name);
  }
  rmdir(caller: Caller, parent: number, name: RawName): Answer {
    return this.of(parent).rmdir(caller, parent, name);
  }
  rename(
    caller: Caller,
    parent: number,
    name: RawName,
    toParent: number,
    toName: RawName,
    flags: number,
  ): Answer {
    const files = isControl(parent) || isControl(toParent) ? this.control : this.entries;
    return files.rename(caller, parent, name, toParent, toName, flags);
  }
  open(caller: Caller, node: number, flags: number, kill: boolean, out: fuse.Opened): Answer {
    return this.of(node).open(caller, node, flags, kill, out);
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
    return this.of(parent).create(caller, parent, name, flags, mode, kill, out, opened);
  }
  tmpfile(
    c: Caller,
    parent: number,
    flags: number,
    mode: number,
    out: fuse.Entry,
    opened: fuse.Opened,
  ): Answer {
    return this.of(parent).tmpfile(c, parent, flags, mode, out, opened);
  }
  read(
    c: Caller,
    node: number,
    handle: number,
    offset: number,
    size: number,
    flags: number,
    out: fuse.IoArea,
  ): Answer {
    return this.of(node).read(c, node, handle, offset, size, flags, out);
  }
  write(
    caller: Caller,
    node: number,
    handle: number,
    offset: number,
    data: fuse.IoArea,
    size: number,
    flags: number,
    kill: boolean,
  ): Answer {
    return this.of(node).write(caller, node, handle, offset, data, size, flags, kill);
  }
  release(node: number, handle: number): void {
    this.of(node).release(node, handle);
  }
  fsync(caller: Caller, node: number, handle: number, dataOnly: boolean): Answer {
    return this.of(node).fsync(caller, node, handle, dataOnly);
  }
  fsyncdir(caller: Caller, node: number, dataOnly: boolean): Answer {
    return this.of(node).fsyncdir(caller, node, dataOnly);
  }
  readdir(caller: Caller, node: number, offset: bigint, sink: fuse.DirSink): Answer {
    return this.of(node).readdir(caller, node, offset, sink);
  }
  fallocate(
    caller: Caller,
    node: number,
    handle: number,
    mode: number,
    offset: number,
    length: number,
  ): Answer {
    return this.of(node).fallocate(caller, node, handle, mode, offset, length);
  }
  lseek(caller: Caller, node: number, handle: number, offset: number, whence: number): Answer {
    return this.of(node).lseek(caller, node, handle, offset, whence);
  }
  copyFileRange(
    caller: Caller,
    node: number,
    handle: number,
    offset: number,
    toNode: number,
    toHandle: number,
    toOffset: number,
    length: number,
  ): Answer {
    // Between a control file and a file the caller falls back to reading and writing.
    if (isControl(node) || isControl(toNode)) return -EXDEV;
    return this.entries.copyFileRange(caller, node, handle, offset, toNode, toHandle, toOffset, length);
  }
  statfs(caller: Caller, node: number, out: FsStat): Answer {
    // One file system to its users, that of the store.
    return this.entries.statfs(caller, node, out);
  }
  syncfs(caller: Caller, node: number): Answer {
    return this.entries.syncfs(caller, node);
  }
  getxattr(caller: Caller, node: number, name: RawName, size: number, out: fuse.IoArea): Answer {
    return this.of(node).getxattr(caller, node, name, size, out);
  }
  listxattr(caller: Caller, node: number, size: number, out: fuse.IoArea): Answer {
    return this.of(node).listxattr(caller, node, size, out);
  }
  setxattr(
    caller: Caller,
    node: number,
    name: RawName,
    value: Buffer,
    flags: number,
    killSgid: boolean,
  ): Answer {
    return this.of(node).setxattr(caller, node, name, value, flags, killSgid);
  }
  removexattr(caller: Caller, node: number, name: RawName): Answer {
    return this.of(node).removexattr(caller, node, name);
  }
}
