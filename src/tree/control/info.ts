import type { RawName } from "../../base/bytes.js";
import type { Answer, DirSink, Entry } from "../../fuse/filesystem.js";
import type { Kind } from "../../store/types.js";
import { DT_DIR, S_IFDIR } from "../../sys/constants.js";
import { ENOENT } from "../../sys/errno.js";
import { ChangesFile } from "./changes-file.js";
import { ChildrenDirectory } from "./children.js";
import { type Context, dots } from "./context.js";
import { then } from "./errors.js";
import { HoldFile } from "./hold-file.js";
import { removeSnapshot } from "./kind-directory.js";
import { LabelsDirectory } from "./labels.js";
import { Link } from "./link.js";
import { ControlNode, NLINK_UNCOUNTED, type Shown } from "./node.js";
import {
  COMMITTED_SLOTS,
  directoryNode,
  INFO_KIND_NODES,
  INFO_NODE,
  inoOf,
  KIND_DIRECTORY,
  KINDS,
  SLOT_AS_CHILD,
  SLOT_CHANGES,
  SLOT_CHILDREN,
  SLOT_DIRECTORY,
  SLOT_HOLD,
  SLOT_LABELS,
  SLOT_PARENT,
  SLOT_VALUES,
} from "./node-ids.js";
import { SnapshotDirectory } from "./snapshot-directory.js";
import { ValueFile } from "./value-file.js";
import { VALUES } from "./values.js";

/** info/ */
export class InfoDirectory extends ControlNode {
  protected override readonly isFixed = true;

  constructor(context: Context) {
    super(context, INFO_NODE);
  }

  show(): Shown {
    const { uid, gid } = this.context.options.access;
    return { mode: S_IFDIR | 0o555, uid, gid, nlink: 5, mtime: this.context.clock.started };
  }

  override lookup(name: RawName, out: Entry): Answer {
    const kind = KINDS.find((candidate) => KIND_DIRECTORY[candidate] === name);
    return kind === undefined ? -ENOENT : new InfoKindDirectory(this.context, kind).entry(out);
  }

  override readdir(offset: bigint, sink: DirSink): number {
    const start = dots(this.id, offset, sink);
    if (start === undefined) return 0;
    for (let at = Number(start) - 2; at < KINDS.length; at++) {
      const kind = KINDS[at]!;
      const name = KIND_DIRECTORY[kind] as RawName;
      if (!sink.add(name, inoOf(INFO_KIND_NODES[kind]), DT_DIR, BigInt(at + 3))) break;
    }
    return 0;
  }
}

/** info/active/, info/committed/, info/views/ */
export class InfoKindDirectory extends ControlNode {
  constructor(
    context: Context,
    readonly kind: Kind,
  ) {
    super(context, INFO_KIND_NODES[kind]);
  }

  show(): Shown {
    // Who may remove in active/ may do it here.
    const { mode, uid, gid } = this.context.access(this.kind);
    const mtime = this.context.clock.of(this.kind);
    return { mode: S_IFDIR | mode, uid, gid, nlink: NLINK_UNCOUNTED, mtime };
  }

  override lookup(name: RawName, out: Entry): Answer {
    const found = this.context.resolver.find(this.kind, name);
    return found === undefined ? -ENOENT : new SnapshotDirectory(this.context, found.info).entry(out);
  }

  override readdir(offset: bigint, sink: DirSink): number {
    return this.context.list(this.kind, this.id, offset, sink, (id) =>
      directoryNode({ id, kind: this.kind }, SLOT_DIRECTORY),
    );
  }

  override rmdir(name: RawName): Answer {
    const found = this.context.resolver.find(this.kind, name);
    if (found === undefined) return -ENOENT;
    return then(removeSnapshot(this.context, found.info), (code) =>
      code < 0 ? code : this.context.expire(found.info).then(() => code),
    );
  }
}

/** @returns the node of a snapshot in info/ by its slot, or undefined when it has gone or never was */
export function infoNode(context: Context, id: number, slot: number): ControlNode | undefined {
  const info = context.reader.getById(id);
  if (info === undefined) return undefined;
  switch (slot) {
    case SLOT_DIRECTORY:
    case COMMITTED_SLOTS + SLOT_DIRECTORY:
      return new SnapshotDirectory(context, info);
    case SLOT_LABELS:
    case COMMITTED_SLOTS + SLOT_LABELS:
      return new LabelsDirectory(context, info);
    case SLOT_CHILDREN:
    case COMMITTED_SLOTS + SLOT_CHILDREN:
      return new ChildrenDirectory(context, info);
    case SLOT_PARENT:
      return info.parent === undefined ? undefined : Link.toParent(context, info);
    case SLOT_AS_CHILD:
      return Link.toChild(context, info);
    case SLOT_HOLD:
      return new HoldFile(context, info);
    case SLOT_CHANGES:
      return new ChangesFile(context, info);
    default:
      return VALUES[slot - SLOT_VALUES] && new ValueFile(context, info, slot - SLOT_VALUES);
  }
}
