import type { RawName } from "../../base/bytes.js";
import type { Answer, DirSink, Entry } from "../../fuse/filesystem.js";
import type { Info, Kind } from "../../store/types.js";
import { DT_LNK, S_IFDIR } from "../../sys/constants.js";
import { ENOENT } from "../../sys/errno.js";
import { type Context, dots } from "./context.js";
import { InfoNode } from "./info-node.js";
import { Link } from "./link.js";
import { decodeName, encodeKey } from "./names.js";
import type { Shown } from "./node.js";
import {
  directoryNode,
  inoOf,
  KIND_DIRECTORY,
  KINDS,
  SLOT_AS_CHILD,
  SLOT_CHILDREN,
  snapshotNode,
} from "./node-ids.js";

const PAGE = 128;
/** Cookies 1 and 2 stand behind `.` and `..`, these from 3 on behind the child with the number less two. */
const FIRST = 2n;

/** info/KIND/NAME/children/: links to what was made from it, called `active:web`, `committed:web-1`, `views:look`. */
export class ChildrenDirectory extends InfoNode {
  constructor(context: Context, info: Info) {
    super(context, info, directoryNode(info, SLOT_CHILDREN));
  }

  show(): Shown {
    return { ...this.shown(S_IFDIR | 0o555), nlink: 2 };
  }

  override lookup(name: RawName, out: Entry): Answer {
    const child = this.find(name);
    return child === undefined ? -ENOENT : Link.toChild(this.context, child).entry(out);
  }

  override readdir(offset: bigint, sink: DirSink): number {
    const start = dots(this.id, offset, sink);
    if (start === undefined) return 0;
    // A cookie is the child's id, which stays while others come and go.
    for (let after = Number(start - FIRST); ; ) {
      const page = this.context.reader.children(this.info.id, after, PAGE);
      for (const child of page) {
        const ino = inoOf(snapshotNode(child.id, SLOT_AS_CHILD));
        if (!sink.add(childName(child), ino, DT_LNK, BigInt(child.id) + FIRST)) return 0;
        after = child.id;
      }
      if (page.length < PAGE) return 0;
    }
  }

  private find(name: RawName): Info | undefined {
    const kind = KINDS.find((candidate) => name.startsWith(prefix(candidate)));
    const decoded = kind && decodeName(name);
    if (kind === undefined || decoded === undefined) return undefined;
    if (!("key" in decoded)) return this.findLong(name);
    const child = this.context.reader.get(kind, decoded.key.slice(prefix(kind).length));
    return child?.parentId === this.info.id ? child : undefined;
  }

  private findLong(name: RawName): Info | undefined {
    for (let after = 0; ; ) {
      const page = this.context.reader.children(this.info.id, after, PAGE);
      const found = page.find((child) => childName(child) === name);
      if (found !== undefined || page.length < PAGE) return found;
      after = page.at(-1)!.id;
    }
  }
}

const prefix = (kind: Kind): string => `${KIND_DIRECTORY[kind]}:`;

/** The same key may be active, committed and a view at once. */
function childName(info: Info): RawName {
  return encodeKey(prefix(info.kind) + info.key);
}
