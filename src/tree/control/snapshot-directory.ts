import type { RawName } from "../../base/bytes.js";
import type { Answer, Caller, DirSink, Entry, Opened } from "../../fuse/filesystem.js";
import type { Info } from "../../store/types.js";
import { DT_DIR, DT_LNK, DT_REG, S_IFDIR } from "../../sys/constants.js";
import { EISDIR, ENOENT, EPERM } from "../../sys/errno.js";
import { ChangesFile } from "./changes-file.js";
import { ChildrenDirectory } from "./children.js";
import { type Context, dots } from "./context.js";
import { HOLD, HoldFile } from "./hold-file.js";
import { InfoNode } from "./info-node.js";
import { LabelsDirectory } from "./labels.js";
import { Link } from "./link.js";
import type { ControlNode, Shown } from "./node.js";
import { directoryNode, inoOf, SLOT_DIRECTORY } from "./node-ids.js";
import { ValueFile } from "./value-file.js";
import { VALUES } from "./values.js";

interface Member {
  readonly name: string;
  /** DT_* */
  readonly type: number;
  readonly node: ControlNode;
}

/** info/KIND/NAME/ */
export class SnapshotDirectory extends InfoNode {
  constructor(context: Context, info: Info) {
    super(context, info, directoryNode(info, SLOT_DIRECTORY));
  }

  show(): Shown {
    // Besides itself two directories: children and labels. Its owner may hold it.
    return { ...this.shown(S_IFDIR | 0o755), nlink: 4 };
  }

  override lookup(name: RawName, out: Entry): Answer {
    return (
      this.members()
        .find((member) => member.name === name)
        ?.node.entry(out) ?? -ENOENT
    );
  }

  override readdir(offset: bigint, sink: DirSink): number {
    const start = dots(this.id, offset, sink);
    if (start === undefined) return 0;
    const members = this.members();
    for (let at = Number(start) - 2; at < members.length; at++) {
      const { name, type, node } = members[at]!;
      if (!sink.add(name as RawName, inoOf(node.id), type, BigInt(at + 3))) break;
    }
    return 0;
  }

  override create(_caller: Caller, name: RawName, _flags: number, out: Entry, opened: Opened): Answer {
    return name === HOLD ? new HoldFile(this.context, this.info).make(out, opened) : -EPERM;
  }

  override unlink(name: RawName): Answer {
    const member = this.members().find((candidate) => candidate.name === name);
    if (member === undefined) return -ENOENT;
    if (member.node instanceof HoldFile) return member.node.lift();
    return member.type === DT_DIR ? -EISDIR : -EPERM;
  }

  /** What may come and go is last, so that a listing under way stays right. */
  private members(): Member[] {
    const { context, info } = this;
    const files = VALUES.map((value, index) => ({
      name: value.name,
      type: DT_REG,
      node: new ValueFile(context, info, index),
    }));
    return [
      ...files,
      { name: "changes", type: DT_REG, node: new ChangesFile(context, info) },
      { name: "labels", type: DT_DIR, node: new LabelsDirectory(context, info) },
      { name: "children", type: DT_DIR, node: new ChildrenDirectory(context, info) },
      ...(info.parent === undefined
        ? []
        : [{ name: "parent", type: DT_LNK, node: Link.toParent(context, info) }]),
      ...(info.hold === undefined ? [] : [{ name: HOLD, type: DT_REG, node: new HoldFile(context, info) }]),
    ];
  }
}
