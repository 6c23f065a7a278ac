import { type RawName, rawFromText } from "../../base/bytes.js";
import type { Answer, Caller, DirSink, Entry, IoArea, Opened } from "../../fuse/filesystem.js";
import type { Info, Kind } from "../../store/types.js";
import { DT_DIR, DT_LNK, DT_REG, O_ACCMODE, S_IFDIR, S_IFLNK, S_IFREG } from "../../sys/constants.js";
import { EACCES, ENOENT, ENOTDIR } from "../../sys/errno.js";
import { timeOf } from "./clock.js";
import { type Context, dots } from "./context.js";
import { attempt, interruptible, then } from "./errors.js";
import { FixedValue } from "./handles.js";
import { removeSnapshot } from "./kind-directory.js";
import { encodeKey } from "./names.js";
import { ControlNode, type Shown } from "./node.js";
import {
  INFO_KIND_NODES,
  INFO_NODE,
  inoOf,
  KIND_DIRECTORY,
  KINDS,
  SLOT_AS_CHILD,
  SLOT_CHILDREN,
  SLOT_DIRECTORY,
  SLOT_PARENT,
  SLOT_VALUES,
  snapshotNode,
} from "./node-ids.js";
import { VALUES, type Value } from "./values.js";

const FOPEN_DIRECT_IO = 1;

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
    return { mode: S_IFDIR | mode, uid, gid, nlink: 2, mtime: this.context.clock.of(this.kind) };
  }

  override lookup(name: RawName, out: Entry): Answer {
    const found = this.context.resolver.find(this.kind, name);
    return found === undefined ? -ENOENT : new SnapshotDirectory(this.context, found.info).entry(out);
  }

  override readdir(offset: bigint, sink: DirSink): number {
    return this.context.list(this.kind, this.id, offset, sink, (id) => snapshotNode(id, SLOT_DIRECTORY));
  }

  override rmdir(name: RawName): Answer {
    const found = this.context.resolver.find(this.kind, name);
    if (found === undefined) return -ENOENT;
    return then(removeSnapshot(this.context, found.info), (code) =>
      code < 0 ? code : this.context.expire(found.info).then(() => code),
    );
  }
}

/** What is below info/KIND/NAME/. */
abstract class InfoNode extends ControlNode {
  constructor(
    context: Context,
    protected readonly info: Info,
    slot: number,
  ) {
    super(context, snapshotNode(info.id, slot));
  }

  /** @param type S_IF* and permission bits */
  protected shown(type: number): Shown {
    const { uid, gid } = this.context.options.access;
    const { created, updated } = this.info;
    return { mode: type, uid, gid, mtime: timeOf(updated), btime: timeOf(created) };
  }
}

/** info/KIND/NAME/ */
export class SnapshotDirectory extends InfoNode {
  constructor(context: Context, info: Info) {
    super(context, info, SLOT_DIRECTORY);
  }

  show(): Shown {
    return { ...this.shown(S_IFDIR | 0o555), nlink: 3 };
  }

  override lookup(name: RawName, out: Entry): Answer {
    const found = this.nodes().find(([candidate]) => candidate === name);
    return found === undefined ? -ENOENT : found[1].entry(out);
  }

  override readdir(offset: bigint, sink: DirSink): number {
    const start = dots(this.id, offset, sink);
    if (start === undefined) return 0;
    const nodes = this.nodes();
    for (let at = Number(start) - 2; at < nodes.length; at++) {
      const [name, node] = nodes[at]!;
      const type = node instanceof ValueFile ? DT_REG : node instanceof Link ? DT_LNK : DT_DIR;
      if (!sink.add(name, inoOf(node.id), type, BigInt(at + 3))) break;
    }
    return 0;
  }

  private nodes(): (readonly [RawName, ControlNode])[] {
    const { context, info } = this;
    const parent =
      info.parent === undefined ? [] : [["parent" as RawName, Link.toParent(context, info)] as const];
    return [
      ...VALUES.map(
        (value, slot) => [value.name as RawName, new ValueFile(context, info, value, slot)] as const,
      ),
      ...parent,
      ["children" as RawName, new ChildrenDirectory(context, info)] as const,
    ];
  }
}

/** info/KIND/NAME/children/: links to what was made from it, called by the number of each. */
class ChildrenDirectory extends InfoNode {
  constructor(context: Context, info: Info) {
    super(context, info, SLOT_CHILDREN);
  }

  show(): Shown {
    return { ...this.shown(S_IFDIR | 0o555), nlink: 2, mtime: this.context.clock.overall };
  }

  override lookup(name: RawName, out: Entry): Answer {
    const child = this.context.reader.children(this.info.id).find((info) => childName(info) === name);
    return child === undefined ? -ENOENT : Link.toChild(this.context, child).entry(out);
  }

  override readdir(offset: bigint, sink: DirSink): number {
    const start = dots(this.id, offset, sink);
    if (start === undefined) return 0;
    // A cookie is the child's id, which stays while others come and go.
    for (const child of this.context.reader.children(this.info.id)) {
      const cookie = BigInt(child.id) + 3n;
      if (cookie <= start) continue;
      const ino = inoOf(snapshotNode(child.id, SLOT_AS_CHILD));
      if (!sink.add(childName(child), ino, DT_LNK, cookie)) break;
    }
    return 0;
  }
}

/** The same name may be active and a view at once: views are told apart by what no key's file name begins with. */
function childName(info: Info): RawName {
  const name = encodeKey(info.key);
  return info.kind === "active" ? name : (`${KIND_DIRECTORY[info.kind]}@${name}` as RawName);
}

/** A symbolic link to a snapshot. */
class Link extends InfoNode {
  private constructor(
    context: Context,
    info: Info,
    slot: number,
    private readonly target: RawName,
  ) {
    super(context, info, slot);
  }

  /** parent -> ../../committed/NAME, within info/. */
  static toParent(context: Context, info: Info): Link {
    const target = `../../committed/${encodeKey(info.parent ?? "")}` as RawName;
    return new Link(context, info, SLOT_PARENT, target);
  }

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

/** A file with one value. */
class ValueFile extends InfoNode {
  constructor(
    context: Context,
    info: Info,
    private readonly value: Value,
    slot: number,
  ) {
    super(context, info, SLOT_VALUES + slot);
  }

  show(): Shown {
    const text = this.value.isSlow === true ? undefined : this.value.text(this.context, this.info);
    const size = typeof text === "string" ? rawFromText(text).length + 1 : 0;
    return { ...this.shown(S_IFREG | 0o444), size };
  }

  override lookup(): Answer {
    return -ENOTDIR;
  }

  override open(caller: Caller, flags: number, out: Opened): Answer {
    if ((flags & O_ACCMODE) !== 0) return -EACCES;
    return attempt(async () => {
      const { context, info } = this;
      const text = await interruptible(caller, Promise.resolve(this.value.text(context, info)));
      out.handle = context.handles.add(new FixedValue(Buffer.from(`${text}\n`)));
      out.flags = FOPEN_DIRECT_IO;
      return 0;
    });
  }
}

/** @returns the node of a snapshot in info/ by its slot, or undefined when it has gone or never was */
export function infoNode(context: Context, id: number, slot: number): ControlNode | undefined {
  const info = context.reader.getById(id);
  if (info === undefined) return undefined;
  if (slot === SLOT_DIRECTORY) return new SnapshotDirectory(context, info);
  if (slot === SLOT_CHILDREN) return new ChildrenDirectory(context, info);
  if (slot === SLOT_PARENT) return info.parent === undefined ? undefined : Link.toParent(context, info);
  if (slot === SLOT_AS_CHILD) return Link.toChild(context, info);
  const value = VALUES[slot - SLOT_VALUES];
  return value === undefined ? undefined : new ValueFile(context, info, value, slot - SLOT_VALUES);
}
