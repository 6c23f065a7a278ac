import { EBADF } from "../../sys/errno.js";
import type { FileSystem, IoArea } from "../filesystem.js";
import { AttributeOperations } from "./attribute-operations.js";
import { Context } from "./context.js";
import { FileOperations } from "./file-operations.js";
import { NameOperations } from "./name-operations.js";
import type { Request } from "./request.js";
import * as from from "./request.js";
import { timesToSet } from "./times.js";

/** Answers one callback of libfuse. @returns 0, a count, or -errno */
export type Operation = (request: Request, data: Buffer) => Promise<number>;

/**
 * The callbacks of libfuse's path interface (struct fuse_operations of 2.9), each turned into calls of the file system.
 * Callers are not known (fuse-native does not pass them on): everything is done in the daemon's name.
 */
export class Operations {
  private readonly context: Context;
  private readonly names: NameOperations;
  private readonly contents: FileOperations;
  private readonly attributes: AttributeOperations;

  /** @param othersMayWrite see Context */
  constructor(fs: FileSystem, othersMayWrite: boolean) {
    this.context = new Context(fs, othersMayWrite);
    this.names = new NameOperations(this.context);
    this.contents = new FileOperations(this.context);
    this.attributes = new AttributeOperations(this.context);
  }

  /** By the name that fuse-native has for them. Missing ones are answered by libfuse: without ACCESS, FLUSH, FSYNCDIR … */
  readonly table: Readonly<Record<string, Operation>> = {
    init: async () => 0,
    getattr: (request) => this.attributes.getattr(request),
    readlink: (request) => this.attributes.readlink(request),
    readdir: (request) => this.attributes.readdir(request),
    mknod: (request) =>
      this.names.make(from.pathOf(request), (parent, name, out) =>
        this.context.fs.mknod(
          this.context.caller,
          parent,
          name,
          this.context.modeOfNew(from.modeOf(request)),
          from.deviceOf(request),
          out,
        ),
      ),
    mkdir: (request) =>
      this.names.make(from.pathOf(request), (parent, name, out) =>
        this.context.fs.mkdir(this.context.caller, parent, name, from.modeOf(request), out),
      ),
    symlink: (request) =>
      this.names.make(from.destinationOf(request), (parent, name, out) =>
        this.context.fs.symlink(this.context.caller, parent, name, from.targetOf(request), out),
      ),
    link: (request) => this.names.hardLink(request),
    unlink: (request) => this.names.unlink(request),
    rmdir: (request) => this.names.rmdir(request),
    rename: (request) => this.names.rename(request),
    open: (request) => this.contents.open(request),
    create: (request) => this.contents.create(request),
    read: (request, data) => this.contents.transfer(request, data, true),
    write: (request, data) => this.contents.transfer(request, data, false),
    release: (request) => this.contents.release(request),
    fsync: (request) => {
      const file = this.contents.fileOf(request);
      const dataOnly = from.modeOf(request) !== 0;
      return this.answer(
        file && this.context.fs.fsync(this.context.caller, file.node, file.handle, dataOnly),
      );
    },
    statfs: (request) => this.attributes.statfs(request),
    truncate: (request) => this.attributes.change(request, { size: from.offsetOf(request) }),
    ftruncate: (request) => this.contents.ftruncate(request),
    chmod: (request) => this.attributes.change(request, { mode: from.modeOf(request) }),
    chown: (request) => {
      const { uid, gid } = from.ownerOf(request);
      const keep = 0xffffffff;
      return this.attributes.change(request, {
        uid: uid === keep ? undefined : uid,
        gid: gid === keep ? undefined : gid,
      });
    },
    utimens: (request) => {
      const { atime, mtime } = from.timesOf(request);
      return this.attributes.change(request, timesToSet(atime, mtime));
    },
    getxattr: (request, data) => {
      const name = from.attributeOf(request);
      const area: IoArea = { address: from.valueAddressOf(request), buffer: data };
      return this.context.at(from.pathOf(request), (node) =>
        this.context.fs.getxattr(this.context.caller, node, name, data.length, area),
      );
    },
    listxattr: (request, data) => {
      const area: IoArea = { address: from.listAddressOf(request), buffer: data };
      return this.context.at(from.pathOf(request), (node) =>
        this.context.fs.listxattr(this.context.caller, node, data.length, area),
      );
    },
    setxattr: (request, data) => {
      const [name, flags] = [from.attributeOf(request), from.xattrFlagsOf(request)];
      const value = Buffer.from(data);
      return this.context.at(from.pathOf(request), (node) =>
        this.context.fs.setxattr(this.context.caller, node, name, value, flags, false),
      );
    },
    removexattr: (request) => {
      const name = from.attributeOf(request);
      return this.context.at(from.pathOf(request), (node) =>
        this.context.fs.removexattr(this.context.caller, node, name),
      );
    },
  };

  private async answer(result: number | Promise<number> | undefined): Promise<number> {
    return (await result) ?? -EBADF;
  }
}
