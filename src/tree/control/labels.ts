import type { RawName } from "../../base/bytes.js";
import type { Answer, Caller, DirSink, Entry, Opened } from "../../fuse/filesystem.js";
import type { Info } from "../../store/types.js";
import { DT_REG, RENAME_NOREPLACE, S_IFDIR, S_IFREG } from "../../sys/constants.js";
import { EEXIST, EINVAL, ENOENT, EROFS, EXDEV } from "../../sys/errno.js";
import { type Context, dots } from "./context.js";
import { then } from "./errors.js";
import { FOPEN_DIRECT_IO } from "./handles.js";
import { InfoNode } from "./info-node.js";
import { encodeKey } from "./names.js";
import type { Shown } from "./node.js";
import { directoryNode, inoOf, SLOT_LABEL_LISTED, SLOT_LABELS, snapshotNode } from "./node-ids.js";
import { TextNode } from "./text-node.js";

const MOST_BYTES = 1 << 20;
const EMPTY = Buffer.alloc(0);

/** info/KIND/NAME/labels/: a file for each label, called by its key as snapshots are by theirs. */
export class LabelsDirectory extends InfoNode {
  constructor(context: Context, info: Info) {
    super(context, info, directoryNode(info, SLOT_LABELS));
  }

  show(): Shown {
    return { ...this.shown(S_IFDIR | 0o755), nlink: 2 };
  }

  override lookup(name: RawName, out: Entry): Answer {
    const { context, info } = this;
    const known = context.labelTexts.canonical(info, name);
    if (typeof known === "number" || context.labelTexts.get(info.id, known) === undefined) return -ENOENT;
    return new LabelFile(context, info, known, context.labelNodes.meet(info.id, known)).entry(out);
  }

  override readdir(offset: bigint, sink: DirSink): number {
    const start = dots(this.id, offset, sink);
    if (start === undefined) return 0;
    const keys = Object.keys(this.info.labels).sort();
    const ino = inoOf(snapshotNode(this.info.id, SLOT_LABEL_LISTED));
    for (let at = Number(start) - 2; at < keys.length; at++)
      if (!sink.add(encodeKey(keys[at]!), ino, DT_REG, BigInt(at + 3))) break;
    return 0;
  }

  override create(_caller: Caller, name: RawName, _flags: number, out: Entry, opened: Opened): Answer {
    const { context, info } = this;
    if (context.options.readOnly) return -EROFS;
    const known = context.labelTexts.canonical(info, name);
    if (typeof known === "number") return known;
    return then(context.labelTexts.put(info.id, known, EMPTY), () =>
      new LabelFile(context, info, known, context.labelNodes.meet(info.id, known)).made(out, opened),
    );
  }

  override unlink(name: RawName): Answer {
    const { context, info } = this;
    const known = context.labelTexts.canonical(info, name);
    if (typeof known === "number" || context.labelTexts.get(info.id, known) === undefined) return -ENOENT;
    if (context.options.readOnly) return -EROFS;
    return then(context.labelTexts.remove(info.id, known), () => {
      context.labelNodes.removed(info.id, known);
      return 0;
    });
  }

  /** rename(2) within one snapshot's labels: what is there by the new name is replaced. */
  rename(name: RawName, to: LabelsDirectory, toName: RawName, flags: number): Answer {
    const { context, info } = this;
    // Between two snapshots mv(1) copies.
    if (to.info.id !== info.id) return -EXDEV;
    if (context.options.readOnly) return -EROFS;
    if ((flags & ~RENAME_NOREPLACE) !== 0) return -EINVAL;
    const from = context.labelTexts.canonical(info, name);
    const target = context.labelTexts.canonical(info, toName);
    if (typeof from === "number" || context.labelTexts.get(info.id, from) === undefined) return -ENOENT;
    if (typeof target === "number") return target;
    const isTaken = context.labelTexts.get(info.id, target) !== undefined;
    if (isTaken && (flags & RENAME_NOREPLACE) !== 0) return -EEXIST;
    if (from === target) return 0;
    return then(context.labelTexts.move(info.id, from, target), () => {
      context.labelNodes.renamed(info.id, from, target);
      return 0;
    });
  }
}

/** A file of labels/. */
export class LabelFile extends TextNode {
  protected readonly limit = MOST_BYTES;

  /** @param name under which it is listed, or undefined for one that was removed while it was open */
  constructor(
    context: Context,
    info: Info,
    private readonly name: RawName | undefined,
    node: number,
  ) {
    super(context, info, node);
  }

  show(): Shown {
    return { ...this.shown(S_IFREG | 0o644), size: this.content()?.length ?? 0 };
  }

  override entry(out: Entry): number {
    this.context.labelNodes.lookedUp(this.id);
    return super.entry(out);
  }

  /** Opens what was just made. */
  made(out: Entry, opened: Opened): number {
    opened.handle = this.context.handles.add(this.file(EMPTY, false));
    opened.flags = FOPEN_DIRECT_IO;
    return this.entry(out);
  }

  protected content(): Buffer | undefined {
    return this.name === undefined ? undefined : this.context.labelTexts.get(this.info.id, this.name);
  }

  protected save(content: Buffer): Answer {
    // It may have been renamed since it was opened; what was removed is its opener's alone.
    const name = this.context.labelNodes.get(this.id)?.name;
    return name === undefined ? 0 : this.context.labelTexts.put(this.info.id, name, content);
  }
}

/** @returns the file of labels/ that a node stands for */
export function labelFile(context: Context, node: number): LabelFile | undefined {
  const known = context.labelNodes.get(node);
  const info = known && context.reader.getById(known.id);
  return info && new LabelFile(context, info, known?.name, node);
}
