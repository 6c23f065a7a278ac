import { setTimeout as sleep } from "node:timers/promises";
import type { RawName } from "../../base/bytes.js";
import { PATH_MAX } from "../../base/limits.js";
import { O_CREAT, O_EXCL, O_NOCTTY, S_ISGID, S_ISUID, UTIME_OMIT } from "../../sys/constants.js";
import { EBADF, EBUSY, ENOTEMPTY } from "../../sys/errno.js";
import { allocateMemory } from "../../sys/memory.js";
import { Stat } from "../../sys/stat.js";
import {
  type Attributes,
  type Caller,
  type Changes,
  type FileSystem,
  type IoArea,
  type NodeId,
  type Opened,
  ROOT_NODE,
} from "../filesystem.js";
import { HiddenFiles, hiddenName } from "./hidden.js";
import { Listing } from "./listing.js";
import { OpenFiles } from "./open-files.js";
import { entrySlot, Paths } from "./paths.js";
import type { Request } from "./request.js";
import * as from from "./request.js";
import { timesToSet } from "./times.js";

/** RELEASE follows close(2) on its own, so that what seems busy may be free in a moment: so often and long it is asked again. */
const BUSY_TRIES = 10;
const BUSY_MS = 20;

/** Answers one callback of libfuse. @returns 0, a count, or -errno */
export type Operation = (request: Request, data: Buffer) => Promise<number>;

/**
 * The callbacks of libfuse's path interface (struct fuse_operations of 2.9), each turned into calls of the file system.
 * Callers are not known (fuse-native does not pass them on): everything is done in the daemon's name.
 */
export class Operations {
  private readonly caller: Caller;
  private readonly paths: Paths;
  private readonly files = new OpenFiles();
  private readonly hidden = new HiddenFiles();
  /** Room for targets of links that nobody uses at the moment. */
  private readonly rooms: IoArea[] = [];

  /** @param othersMayWrite what is made then loses suid and sgid: it would belong to the daemon's user */
  constructor(
    private readonly fs: FileSystem,
    private readonly othersMayWrite: boolean,
  ) {
    this.caller = {
      uid: process.geteuid!(),
      gid: process.getegid!(),
      pid: process.pid,
      // The kernel has applied the caller's own.
      umask: 0,
      onInterrupt: undefined,
    };
    this.paths = new Paths(fs, this.caller);
  }

  /** By the name that fuse-native has for them. Missing ones are answered by libfuse: without ACCESS, FLUSH, FSYNCDIR … */
  readonly table: Readonly<Record<string, Operation>> = {
    init: async () => 0,
    getattr: (request) => this.getattr(request),
    readlink: (request) => this.readlink(request),
    readdir: (request) => this.readdir(request),
    mknod: (request) =>
      this.make(from.pathOf(request), (parent, name, out) =>
        this.fs.mknod(this.caller, parent, name, this.modeOfNew(request), from.deviceOf(request), out),
      ),
    mkdir: (request) =>
      this.make(from.pathOf(request), (parent, name, out) =>
        this.fs.mkdir(this.caller, parent, name, from.modeOf(request), out),
      ),
    symlink: (request) =>
      this.make(from.destinationOf(request), (parent, name, out) =>
        this.fs.symlink(this.caller, parent, name, from.targetOf(request), out),
      ),
    link: (request) => this.hardLink(request),
    unlink: (request) => this.unlink(request),
    rmdir: (request) => this.rmdir(request),
    rename: (request) => this.rename(request),
    open: (request) => this.open(request),
    create: (request) => this.create(request),
    read: (request, data) => this.transfer(request, data, true),
    write: (request, data) => this.transfer(request, data, false),
    release: (request) => this.release(request),
    fsync: (request) => {
      const file = this.fileOf(request);
      const dataOnly = from.modeOf(request) !== 0;
      return this.answer(file && this.fs.fsync(this.caller, file.node, file.handle, dataOnly));
    },
    statfs: (request) => this.statfs(request),
    truncate: (request) => this.change(request, { size: from.offsetOf(request) }),
    ftruncate: (request) => this.ftruncate(request),
    chmod: (request) => this.change(request, { mode: from.modeOf(request) }),
    chown: (request) => {
      const { uid, gid } = from.ownerOf(request);
      const keep = 0xffffffff;
      return this.change(request, {
        uid: uid === keep ? undefined : uid,
        gid: gid === keep ? undefined : gid,
      });
    },
    utimens: (request) => {
      const { atime, mtime } = from.timesOf(request);
      return this.change(request, timesToSet(atime, mtime));
    },
    getxattr: (request, data) => {
      const name = from.attributeOf(request);
      const area: IoArea = { address: from.valueAddressOf(request), buffer: data };
      return this.at(from.pathOf(request), (node) =>
        this.fs.getxattr(this.caller, node, name, data.length, area),
      );
    },
    listxattr: (request, data) => {
      const area: IoArea = { address: from.listAddressOf(request), buffer: data };
      return this.at(from.pathOf(request), (node) => this.fs.listxattr(this.caller, node, data.length, area));
    },
    setxattr: (request, data) => {
      const [name, flags] = [from.attributeOf(request), from.xattrFlagsOf(request)];
      const value = Buffer.from(data);
      return this.at(from.pathOf(request), (node) =>
        this.fs.setxattr(this.caller, node, name, value, flags, false),
      );
    },
    removexattr: (request) => {
      const name = from.attributeOf(request);
      return this.at(from.pathOf(request), (node) => this.fs.removexattr(this.caller, node, name));
    },
  };

  private async answer(result: number | Promise<number> | undefined): Promise<number> {
    return (await result) ?? -EBADF;
  }

  /** Runs work with the node of a path. */
  private async at(path: RawName, work: (node: NodeId) => number | Promise<number>): Promise<number> {
    const hidden = this.hidden.find(path);
    if (hidden !== undefined) return await work(hidden);
    const node = await this.paths.resolve(path);
    if (node < 0) return node;
    try {
      return await work(node);
    } finally {
      this.paths.put(node);
    }
  }

  private async getattr(request: Request): Promise<number> {
    const path = from.pathOf(request);
    if (path !== "" && this.hidden.find(path) === undefined) {
      const entry = entrySlot();
      const node = await this.paths.lookup(path, entry);
      if (node < 0) return node;
      this.paths.put(node);
      from.putStat(request, entry.stat);
      return 0;
    }
    const out: Attributes = { stat: new Stat(), attrTimeout: 0 };
    const code = await this.at(path, (node) => this.fs.getattr(this.caller, node, undefined, out));
    if (code < 0) return code;
    // libfuse takes its hidden name for a link, and subtracts that.
    if (path !== "") out.stat.nlink++;
    from.putStat(request, out.stat);
    return code;
  }

  private async readlink(request: Request): Promise<number> {
    const room = this.rooms.pop() ?? allocateMemory(PATH_MAX + 1);
    try {
      return await this.at(from.pathOf(request), async (node) => {
        const length = await this.fs.readlink(this.caller, node, room);
        if (length < 0) return length;
        from.putLink(request, room.buffer, length);
        return 0;
      });
    } finally {
      this.rooms.push(room);
    }
  }

  private async readdir(request: Request): Promise<number> {
    const listing = new Listing(from.fillerOf(request));
    const code = await this.at(from.pathOf(request), (node) =>
      this.fs.readdir(this.caller, node, 0n, listing),
    );
    return code < 0 ? code : listing.result;
  }

  /** The mode of a new file. Others' suid and sgid bits would become the daemon's. */
  private modeOfNew(request: Request): number {
    const mode = from.modeOf(request);
    return this.othersMayWrite ? mode & ~(S_ISUID | S_ISGID) : mode;
  }

  private async make(
    path: RawName,
    work: (parent: NodeId, name: RawName, out: ReturnType<typeof entrySlot>) => number | Promise<number>,
  ): Promise<number> {
    const out = entrySlot();
    return await this.paths.below(path, async (parent, name) => {
      const code = await work(parent, name, out);
      if (code < 0) return code;
      this.paths.put(out.node);
      this.paths.changed(parent, name);
      return 0;
    });
  }

  private async hardLink(request: Request): Promise<number> {
    const path = from.destinationOf(request);
    return await this.at(from.pathOf(request), (node) =>
      this.make(path, (parent, name, out) => this.fs.link(this.caller, node, parent, name, out)),
    );
  }

  private async unlink(request: Request): Promise<number> {
    const path = from.pathOf(request);
    const hidden = this.hidden.take(path);
    if (hidden !== undefined) {
      this.paths.put(hidden);
      return 0;
    }
    return await this.paths.below(path, (parent, name) => this.fs.unlink(this.caller, parent, name));
  }

  private async rmdir(request: Request): Promise<number> {
    const path = from.pathOf(request);
    if (this.files.anyBelow(path) && (await this.isEmpty(path))) return -EBUSY;
    return await this.patiently(() =>
      this.paths.below(path, async (parent, name) => {
        const code = await this.fs.rmdir(this.caller, parent, name);
        if (code >= 0) this.forgetName(path, parent, name);
        return code;
      }),
    );
  }

  private async isEmpty(path: RawName): Promise<boolean> {
    const names: RawName[] = [];
    const sink = {
      plus: false,
      fits: () => true,
      add: (name: RawName) => names.push(name) > 0,
      addPlus: () => false,
    };
    const code = await this.at(path, (node) => this.fs.readdir(this.caller, node, 0n, sink));
    return code >= 0 && names.every((name) => name === "." || name === "..");
  }

  private async rename(request: Request): Promise<number> {
    const [path, to] = [from.pathOf(request), from.destinationOf(request)];
    if (hiddenName(to) !== undefined) {
      const code = await this.hide(path, to);
      if (code !== undefined) return code;
    }
    if (this.files.anyBelow(to)) return -ENOTEMPTY;
    const code = await this.patiently(() => this.renameOnce(path, to));
    if (code >= 0) this.files.moved(path, to);
    return code;
  }

  private async renameOnce(path: RawName, to: RawName): Promise<number> {
    return await this.paths.below(path, (parent, name) =>
      this.paths.below(to, async (toParent, toName) => {
        const code = await this.fs.rename(this.caller, parent, name, toParent, toName, 0);
        if (code < 0) return code;
        this.forgetName(path, parent, name);
        this.forgetName(to, toParent, toName);
        return code;
      }),
    );
  }

  /** Directly below the root's directories a name may stand for others as well. */
  private forgetName(path: RawName, parent: NodeId, name: RawName): void {
    if (path.split("/").length <= 3) this.paths.clear();
    else this.paths.changed(parent, name);
  }

  /**
   * What libfuse does to an open file that is removed or replaced: see HiddenFiles.
   * @returns its answer, or undefined when it is a user who gives that name
   */
  private async hide(path: RawName, to: RawName): Promise<number | undefined> {
    const node = await this.paths.resolve(path);
    if (node < 0) return node;
    const code = this.files.isOpen(node)
      ? await this.paths.below(path, (parent, name) => this.fs.unlink(this.caller, parent, name))
      : undefined;
    if (code === undefined || code < 0) {
      this.paths.put(node);
      return code;
    }
    this.hidden.add(hiddenName(to)!, node);
    this.files.moved(path, to);
    return code;
  }

  /** Asks again when something is busy that may be closed already. */
  private async patiently(work: () => Promise<number>): Promise<number> {
    let code = await work();
    for (let left = BUSY_TRIES; code === -EBUSY && left > 0 && this.files.count > 0; left--) {
      await sleep(BUSY_MS);
      code = await work();
    }
    return code;
  }

  private async open(request: Request): Promise<number> {
    const path = from.pathOf(request);
    const hidden = this.hidden.find(path);
    const node = hidden ?? (await this.paths.resolve(path));
    if (node < 0) return node;
    const counted = hidden === undefined;
    const opened: Opened = { handle: 0, flags: 0, backingId: 0 };
    const flags = from.fileInfoOf(request).flags & ~(O_CREAT | O_EXCL | O_NOCTTY);
    const code = await this.fs.open(this.caller, node, flags, false, opened);
    if (code < 0) {
      if (counted) this.paths.put(node);
      return code;
    }
    from.putOpened(request, this.files.add({ node, counted, handle: opened.handle, path }), opened.flags);
    return 0;
  }

  private async create(request: Request): Promise<number> {
    const path = from.pathOf(request);
    const flags = from.fileInfoOf(request).flags & ~(O_CREAT | O_NOCTTY);
    const out = entrySlot();
    const opened: Opened = { handle: 0, flags: 0, backingId: 0 };
    const code = await this.paths.below(path, (parent, name) =>
      this.fs.create(this.caller, parent, name, flags, this.modeOfNew(request), false, out, opened),
    );
    if (code < 0) return code;
    const number = this.files.add({ node: out.node, counted: true, handle: opened.handle, path });
    from.putOpened(request, number, opened.flags);
    return 0;
  }

  private fileOf(request: Request) {
    return this.files.get(from.fileInfoOf(request).handle);
  }

  private async transfer(request: Request, data: Buffer, reads: boolean): Promise<number> {
    const file = this.fileOf(request);
    if (file === undefined) return -EBADF;
    const [size, offset] = [from.lengthOf(request), from.offsetOf(request)];
    const area: IoArea = { address: from.dataAddressOf(request), buffer: data };
    const { node, handle } = file;
    return reads
      ? await this.fs.read(this.caller, node, handle, offset, size, 0, area)
      : await this.fs.write(this.caller, node, handle, offset, area, size, 0, false);
  }

  private async release(request: Request): Promise<number> {
    const file = this.files.remove(from.fileInfoOf(request).handle);
    if (file === undefined) return -EBADF;
    this.fs.release(file.node, file.handle);
    if (file.counted) this.paths.put(file.node);
    return 0;
  }

  private async statfs(request: Request): Promise<number> {
    const out = {
      type: 0,
      bsize: 0,
      blocks: 0,
      bfree: 0,
      bavail: 0,
      files: 0,
      ffree: 0,
      namelen: 0,
      frsize: 0,
    };
    const code = await this.fs.statfs(this.caller, ROOT_NODE, out);
    if (code >= 0) from.putStatfs(request, out);
    return code;
  }

  private async ftruncate(request: Request): Promise<number> {
    const file = this.fileOf(request);
    if (file === undefined) return -EBADF;
    return await this.setattr(file.node, { size: from.offsetOf(request), handle: file.handle });
  }

  private change(request: Request, changes: Partial<Changes>): Promise<number> {
    return this.at(from.pathOf(request), (node) => this.setattr(node, changes));
  }

  private setattr(node: NodeId, changes: Partial<Changes>): number | Promise<number> {
    const whole: Changes = {
      mode: undefined,
      uid: undefined,
      gid: undefined,
      size: undefined,
      atime: undefined,
      atimeNs: UTIME_OMIT,
      mtime: undefined,
      mtimeNs: UTIME_OMIT,
      handle: undefined,
      killPrivileges: false,
      ...changes,
    };
    return this.fs.setattr(this.caller, node, whole, { stat: new Stat(), attrTimeout: 0 });
  }
}
