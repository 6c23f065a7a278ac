import { PATH_MAX } from "../../base/limits.js";
import { UTIME_OMIT } from "../../sys/constants.js";
import { allocateMemory } from "../../sys/memory.js";
import { Stat } from "../../sys/stat.js";
import { type Attributes, type Changes, type IoArea, type NodeId, ROOT_NODE } from "../filesystem.js";
import type { Context } from "./context.js";
import { Listing } from "./listing.js";
import { entrySlot } from "./paths.js";
import type { Request } from "./request.js";
import * as from from "./request.js";

/** Callbacks on what is known of a file, and on listings. */
export class AttributeOperations {
  /** Room for targets of links that nobody uses at the moment. */
  private readonly rooms: IoArea[] = [];

  constructor(private readonly context: Context) {}

  async getattr(request: Request): Promise<number> {
    const path = from.pathOf(request);
    if (path !== "" && this.context.hidden.find(path) === undefined) {
      const entry = entrySlot();
      const node = await this.context.paths.lookup(path, entry);
      if (node < 0) return node;
      this.context.paths.put(node);
      from.putStat(request, entry.stat);
      return 0;
    }
    const out: Attributes = { stat: new Stat(), attrTimeout: 0 };
    const code = await this.context.at(path, (node) =>
      this.context.fs.getattr(this.context.caller, node, undefined, out),
    );
    if (code < 0) return code;
    // libfuse takes its hidden name for a link, and subtracts that.
    if (path !== "") out.stat.nlink++;
    from.putStat(request, out.stat);
    return code;
  }

  async readlink(request: Request): Promise<number> {
    const room = this.rooms.pop() ?? allocateMemory(PATH_MAX + 1);
    try {
      return await this.context.at(from.pathOf(request), async (node) => {
        const length = await this.context.fs.readlink(this.context.caller, node, room);
        if (length < 0) return length;
        from.putLink(request, room.buffer, length);
        return 0;
      });
    } finally {
      this.rooms.push(room);
    }
  }

  async readdir(request: Request): Promise<number> {
    const listing = new Listing(from.fillerOf(request));
    const code = await this.context.at(from.pathOf(request), (node) =>
      this.context.fs.readdir(this.context.caller, node, 0n, listing),
    );
    return code < 0 ? code : listing.result;
  }

  async statfs(request: Request): Promise<number> {
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
    const code = await this.context.fs.statfs(this.context.caller, ROOT_NODE, out);
    if (code >= 0) from.putStatfs(request, out);
    return code;
  }

  change(request: Request, changes: Partial<Changes>): Promise<number> {
    return this.context.at(from.pathOf(request), (node) => setAttributes(this.context, node, changes));
  }
}

/** setattr of the file system, for a few changes. */
export function setAttributes(
  context: Context,
  node: NodeId,
  changes: Partial<Changes>,
): number | Promise<number> {
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
  return context.fs.setattr(context.caller, node, whole, { stat: new Stat(), attrTimeout: 0 });
}
