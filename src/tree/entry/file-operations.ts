import type { RawName } from "../../base/bytes.js";
import type { Answer, Caller, Entry, IoArea, Opened } from "../../fuse/filesystem.js";
import {
  O_ACCMODE,
  O_APPEND,
  O_CREAT,
  O_DIRECT,
  O_EXCL,
  O_NOFOLLOW,
  O_NONBLOCK,
  O_PATH,
  O_RDONLY,
  O_TMPFILE,
  O_TRUNC,
  RWF_NOWAIT,
  S_IFREG,
  S_ISGID,
} from "../../sys/constants.js";
import { EAGAIN, EBADF, EEXIST, EOPNOTSUPP, ESTALE } from "../../sys/errno.js";
import { close, openAt, preadFlags, pwrite, seek } from "../../sys/file.js";
import { type Stat, statAt } from "../../sys/stat.js";
import type { Core } from "./core.js";
import type { EntryState } from "./entry-state.js";
import { isMappable } from "./handles.js";

/** FOPEN_KEEP_CACHE: the kernel's pages of the file are still right. */
const FOPEN_KEEP_CACHE = 2;
/** Writes up to this size are made at once; larger ones may wait for the disk, so another thread makes them. */
const INLINE_WRITE = 128 * 1024;

/** Operations on the content of files in entries. */
export class FileOperations {
  constructor(private readonly core: Core) {}

  open(caller: Caller, node: number, flags: number, killPrivileges: boolean, out: Opened): Answer {
    const { core } = this;
    const entry = core.nodes.entry(node);
    if (entry === undefined) return -ESTALE;
    const writes = (flags & O_ACCMODE) !== O_RDONLY || (flags & O_TRUNC) !== 0;
    const refused = writes ? core.mayChange(entry) : 0;
    if (refused !== 0) return refused;
    const wait = core.waits.content(caller, node, (flags & O_TRUNC) !== 0 ? "attributes" : "all");
    if (wait !== undefined) {
      return wait.then((code) => (code < 0 ? code : this.open(caller, node, flags, killPrivileges, out)));
    }
    if (core.nodes.type(node) !== S_IFREG) return -ESTALE;
    core.actForWrite(caller, node, killPrivileges);
    // O_NONBLOCK: should the file have become a fifo natively, opening it must not stop the session.
    const asked = (flags & ~(O_DIRECT | O_APPEND | O_NOFOLLOW | O_PATH)) | O_NONBLOCK;
    const fd = core.openNode(node, asked, caller.pid);
    core.identity.restore();
    if (fd < 0) return fd;
    this.handOut(caller, node, entry, fd, flags, core.stat, out);
    // What a mapping stores shows up only if the kernel asks again.
    if (isMappable(flags)) core.control?.invalidateInode(node, -1, 0);
    return 0;
  }

  create(
    caller: Caller,
    parent: number,
    name: RawName,
    flags: number,
    mode: number,
    killPrivileges: boolean,
    out: Entry,
    opened: Opened,
  ): Answer {
    const { core } = this;
    const entry = core.nodes.entry(parent);
    if (entry === undefined) return -ESTALE;
    const refused = core.mayChange(entry);
    if (refused !== 0) return refused;
    const wait = core.waits.entries(caller, parent) ?? core.waits.mode(caller, entry, mode);
    if (wait !== undefined) {
      return wait.then((code) =>
        code < 0 ? code : this.create(caller, parent, name, flags, mode, killPrivileges, out, opened),
      );
    }
    const dirfd = core.fds.directory(parent);
    if (dirfd < 0) return dirfd;
    core.identity.become(caller);
    // Exclusively: if the name was taken natively since the kernel looked, it must look again (and check access).
    const how = (flags & ~(O_DIRECT | O_APPEND)) | O_CREAT | O_EXCL | O_NOFOLLOW | O_NONBLOCK;
    if ((mode & S_ISGID) !== 0) core.identity.actInGroups(caller);
    const fd = openAt(dirfd, name, how, mode);
    core.identity.restore();
    if (fd < 0) return fd === -EEXIST && (flags & O_EXCL) === 0 ? -ESTALE : fd;
    core.watches.renewed(parent, name);
    return this.answerNew(caller, entry, parent, name, fd, flags, out, opened);
  }

  tmpfile(caller: Caller, parent: number, flags: number, mode: number, out: Entry, opened: Opened): Answer {
    const { core } = this;
    const entry = core.nodes.entry(parent);
    if (entry === undefined) return -ESTALE;
    const refused = core.mayChange(entry);
    if (refused !== 0) return refused;
    const wait = core.waits.entries(caller, parent) ?? core.waits.mode(caller, entry, mode);
    if (wait !== undefined) {
      return wait.then((code) => (code < 0 ? code : this.tmpfile(caller, parent, flags, mode, out, opened)));
    }
    const dirfd = core.fds.directory(parent);
    if (dirfd < 0) return dirfd;
    core.identity.become(caller);
    if ((mode & S_ISGID) !== 0) core.identity.actInGroups(caller);
    const fd = openAt(dirfd, "." as RawName, (flags & ~(O_DIRECT | O_APPEND | O_CREAT)) | O_TMPFILE, mode);
    core.identity.restore();
    if (fd < 0) return fd;
    return this.answerNew(caller, entry, parent, "" as RawName, fd, flags, out, opened);
  }

  private answerNew(
    caller: Caller,
    entry: EntryState,
    parent: number,
    name: RawName,
    fd: number,
    flags: number,
    out: Entry,
    opened: Opened,
  ): number {
    const { core } = this;
    const code = statAt(out.stat, fd, "");
    if (code < 0) {
      close(fd);
      return code;
    }
    core.answers.entry(entry, parent, name, out.stat, out);
    this.handOut(caller, out.node, entry, fd, flags, out.stat, opened);
    return 0;
  }

  private handOut(
    caller: Caller,
    node: number,
    entry: EntryState,
    fd: number,
    flags: number,
    stat: Readonly<Stat>,
    out: Opened,
  ): void {
    const { core } = this;
    const added = core.handles.add(core.control, caller, node, entry, fd, flags, stat.mode);
    core.identity.restore();
    core.watches.opened(added.handle, node, (flags & O_ACCMODE) !== O_RDONLY, stat.size);
    out.handle = added.handle;
    out.backingId = added.backingId;
    const isKept = added.backingId === 0 && (entry.settled || core.pages.areRight(node, fd, stat));
    out.flags = isKept ? FOPEN_KEEP_CACHE : 0;
  }

  release(node: number, handle: number): void {
    this.core.handles.remove(this.core.control, node, handle);
    this.core.watches.released(handle);
  }

  read(node: number, handle: number, offset: number, size: number, out: IoArea): Answer {
    const open = this.core.handles.get(node, handle);
    if (open === undefined) return -EBADF;
    const got = preadFlags(open.fd, out.address, size, offset, RWF_NOWAIT);
    if (got === size || got === 0) return got;
    if (got < 0 && got !== -EAGAIN && got !== -EOPNOTSUPP) return got;
    // Most files are shorter than what is asked for: the end of the file is no reason to wait.
    if (got > 0 && preadFlags(open.fd, out.address + got, size - got, offset + got, RWF_NOWAIT) === 0)
      return got;
    // Not (all) in memory: the disk is waited for elsewhere. A short answer would mean the end of the file.
    return this.core.options.pool.call("pread", open.fd, out.address, size, offset);
  }

  write(
    caller: Caller,
    node: number,
    handle: number,
    offset: number,
    data: IoArea,
    size: number,
    kill: boolean,
  ): Answer {
    const { core } = this;
    const open = core.handles.get(node, handle);
    if (open === undefined || !open.writable) return -EBADF;
    if (size > INLINE_WRITE && !kill)
      return core.options.pool.call("pwrite", open.fd, data.address, size, offset);
    core.actForWrite(caller, open.node, kill);
    const done = pwrite(open.fd, data.buffer, size, offset);
    core.identity.restore();
    return done;
  }

  async fsync(node: number, handle: number, dataOnly: boolean): Promise<number> {
    const open = this.core.handles.get(node, handle);
    if (open === undefined) return -EBADF;
    const code = await this.core.options.pool.call(dataOnly ? "fdatasync" : "fsync", open.fd);
    return code < 0 ? code : this.recordDurable(open.entry);
  }

  async fsyncdir(caller: Caller, node: number, dataOnly: boolean): Promise<number> {
    const { core } = this;
    const entry = core.nodes.entry(node);
    if (entry === undefined) return -ESTALE;
    if (!entry.writable) {
      await core.options.store.whenDurable(entry.id);
      return 0;
    }
    const wait = core.waits.entries(caller, node);
    const waited = wait === undefined ? 0 : await wait;
    const fd = waited < 0 ? waited : core.openNode(node, O_RDONLY);
    if (fd < 0) return fd;
    const code = await core.options.pool.call(dataOnly ? "fdatasync" : "fsync", fd);
    close(fd);
    return code < 0 ? code : this.recordDurable(entry);
  }

  /** What was synced is lost all the same if the snapshot's record does not survive. */
  private async recordDurable(entry: EntryState): Promise<number> {
    if (entry.durable) return 0;
    await this.core.options.store.whenDurable(entry.id);
    entry.durable = true;
    return 0;
  }

  fallocate(node: number, handle: number, mode: number, offset: number, length: number): Answer {
    const open = this.core.handles.get(node, handle);
    if (open === undefined) return -EBADF;
    const refused = this.core.mayChange(open.entry);
    if (refused !== 0) return refused;
    return this.core.options.pool.call("fallocate", open.fd, mode, offset, length);
  }

  lseek(node: number, handle: number, offset: number, whence: number): Answer {
    const open = this.core.handles.get(node, handle);
    return open === undefined ? -EBADF : seek(open.fd, offset, whence);
  }

  copyFileRange(
    node: number,
    from: number,
    offset: number,
    toNode: number,
    to: number,
    toOffset: number,
    length: number,
  ): Answer {
    const source = this.core.handles.get(node, from);
    const target = this.core.handles.get(toNode, to);
    if (source === undefined || target === undefined || !target.writable) return -EBADF;
    // 1 GiB at a time, so that a signal is heard and other copies get their turn.
    const most = Math.min(length, 2 ** 30);
    return this.core.options.pool.call("copyRange", source.fd, offset, target.fd, toOffset, most);
  }

  async syncfs(): Promise<number> {
    const fd = openAt(this.core.snapshots, "." as RawName, O_RDONLY);
    if (fd < 0) return fd;
    const code = await this.core.options.pool.call("syncfs", fd);
    close(fd);
    return code;
  }
}
