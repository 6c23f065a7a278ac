import type { RawName } from "../../base/bytes.js";
import type { Answer, Attributes, Caller, Changes, DirSink, Entry, Opened } from "../../fuse/filesystem.js";
import { DT_DIR, DT_REG, O_ACCMODE, S_IFDIR, S_IFREG } from "../../sys/constants.js";
import { EACCES, EPERM } from "../../sys/errno.js";
import { type Context, dots } from "./context.js";
import { FixedValue } from "./handles.js";
import { InfoDirectory } from "./info.js";
import { KindDirectory } from "./kind-directory.js";
import { ControlNode, type Shown } from "./node.js";
import { INFO_NODE, inoOf, KIND_DIRECTORY, KIND_NODES, KINDS, README_NODE } from "./node-ids.js";

const ROOT = 1;

const README = `This is a snapshot store. Each directory in active, committed and views is a
snapshot, and plain commands are all you need:

  mkdir active/web              an empty directory to work in
  mkdir active/web@base         a private, writable copy of committed/base
  mkdir views/look@base         a read-only look at committed/base
  mv active/web committed/w1    commit: from now on it never changes
  mv committed/w1 committed/w2  another name; what was made from it follows
  rmdir committed/w2            remove it, whatever it holds (views/ as well)
  rmdir info/active/web         remove what you work in; rm -r does it, too

info/ says what is known of each, one value per file. In info/committed/base:

  cat state size created        how far it is, what it takes up, since when
  cat changes                   A, M or D and a path, against its parent
  ls -l parent children         what it was made from, and what from it,
                                as active:web, committed:w1, views:look
  echo yes > labels/tested      a label; rm takes it away, an empty one is none
  echo "in use" > hold          nobody can remove it, until you rm hold
  cat path mounts               its native directory, and how to bind it:
    read -r type source options < mounts; mount -o "$options" "$source" DIR

chmod and chown active, committed or views to say who may do so in them.
Busy means: something was made from it, it is held, somebody has it open; and
for a commit that a file in it is open for writing or it is mounted elsewhere.
A name never begins with a dot; / @ and control characters are %2F %40 %XX.
In a file manager: make a folder in active, rename it to NAME@PARENT, work in
it, then cut it and paste it into committed. There is no trash.
`;

/** The directory that is mounted. */
export class RootDirectory extends ControlNode {
  protected override readonly isFixed = true;

  constructor(context: Context) {
    super(context, ROOT);
  }

  show(): Shown {
    const { uid, gid } = this.context.options.access;
    return { mode: S_IFDIR | 0o555, uid, gid, nlink: 6, mtime: this.context.clock.started };
  }

  override lookup(name: RawName, out: Entry): Answer {
    if (name === "README") return new Readme(this.context).entry(out);
    if (name === "info") return new InfoDirectory(this.context).entry(out);
    const kind = KINDS.find((candidate) => KIND_DIRECTORY[candidate] === name);
    return kind === undefined ? super.lookup(name, out) : new KindDirectory(this.context, kind).entry(out);
  }

  override readdir(offset: bigint, sink: DirSink): number {
    const start = dots(this.id, offset, sink);
    if (start === undefined) return 0;
    const names: (readonly [string, number, number])[] = [
      ["README", README_NODE, DT_REG],
      ...KINDS.map((kind) => [KIND_DIRECTORY[kind], KIND_NODES[kind], DT_DIR] as const),
      ["info", INFO_NODE, DT_DIR],
    ];
    for (let at = Number(start) - 2; at < names.length; at++) {
      const [name, node, type] = names[at]!;
      if (!sink.add(name as RawName, inoOf(node), type, BigInt(at + 3))) break;
    }
    return 0;
  }

  override setattr(_changes: Changes, _out: Attributes): Answer {
    return -EPERM;
  }
}

/** How to use the mount, on one screen. */
export class Readme extends ControlNode {
  protected override readonly isFixed = true;

  constructor(context: Context) {
    super(context, README_NODE);
  }

  show(): Shown {
    const { uid, gid } = this.context.options.access;
    return { mode: S_IFREG | 0o444, uid, gid, size: README.length, mtime: this.context.clock.started };
  }

  override open(_caller: Caller, flags: number, out: Opened): Answer {
    if ((flags & O_ACCMODE) !== 0) return -EACCES;
    out.handle = this.context.handles.add(new FixedValue(Buffer.from(README)));
    return 0;
  }
}
