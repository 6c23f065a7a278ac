import type { RawName } from "../../base/bytes.js";
import type { Entry, IoArea } from "../../fuse/filesystem.js";
import type { Info } from "../../store/types.js";
import { S_IFLNK } from "../../sys/constants.js";
import type { Context } from "./context.js";
import { InfoNode } from "./info-node.js";
import { encodeKey } from "./names.js";
import type { Shown } from "./node.js";
import { KIND_DIRECTORY, SLOT_AS_CHILD, SLOT_PARENT, snapshotNode } from "./node-ids.js";

/** A symbolic link to a snapshot, within info/. */
export class Link extends InfoNode {
  private constructor(
    context: Context,
    info: Info,
    slot: number,
    private readonly target: RawName,
  ) {
    super(context, info, snapshotNode(info.id, slot));
  }

  /** parent -> ../../committed/NAME */
  static toParent(context: Context, info: Info): Link {
    const target = `../../committed/${encodeKey(info.parent ?? "")}` as RawName;
    return new Link(context, info, SLOT_PARENT, target);
  }

  /** children/KIND:NAME -> ../../../KIND/NAME */
  static toChild(context: Context, child: Info): Link {
    const target = `../../../${KIND_DIRECTORY[child.kind]}/${encodeKey(child.key)}` as RawName;
    return new Link(context, child, SLOT_AS_CHILD, target);
  }

  show(): Shown {
    return { ...this.shown(S_IFLNK | 0o777), size: this.target.length };
  }

  /** The kernel keeps what a link leads to (FUSE_CACHE_SYMLINKS) until it meets another generation of it. */
  override entry(out: Entry): number {
    const code = super.entry(out);
    out.generation = generationOf(this.target);
    return code;
  }

  override readlink(out: IoArea): number {
    return out.buffer.latin1Write(this.target, 0);
  }
}

/** @returns 32 bits that differ for different texts, but for one pair in four thousand million (FNV-1a) */
function generationOf(text: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  return hash >>> 0;
}
