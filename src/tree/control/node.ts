import type { RawName } from "../../base/bytes.js";
import type {
  Answer,
  Attributes,
  Caller,
  Changes,
  DirSink,
  Entry,
  IoArea,
  Opened,
} from "../../fuse/filesystem.js";
import { S_IFDIR } from "../../sys/constants.js";
import { EINVAL, EISDIR, ENOENT, ENOTDIR, EPERM } from "../../sys/errno.js";
import type { Time } from "./clock.js";
import type { Access, Context } from "./context.js";
import { inoOf } from "./node-ids.js";

/** What is shown of a control node. */
export interface Shown extends Access {
  /** With the type. */
  readonly mode: number;
  readonly nlink?: number;
  readonly size?: number;
  readonly mtime: Time;
  readonly btime?: Time;
}

const BLOCK_SIZE = 4096;
/** Links of a directory that nobody counts its subdirectories of, as on btrfs: find(1) then looks at each entry. */
export const NLINK_UNCOUNTED = 1;
/** Names of the fixed control directories never lead elsewhere. In milliseconds. */
const FIXED_NAME_TIMEOUT = 24 * 3600 * 1000;
/** Attributes of those: the kernel itself notices what is done in them. */
const FIXED_ATTR_TIMEOUT = 1000;

/**
 * A node of the control directories. These objects are made for a request and thrown away; what they show is in the
 * store. Every operation that a kind of node does not have is refused here.
 */
export abstract class ControlNode {
  constructor(
    protected readonly context: Context,
    readonly id: number,
  ) {}

  abstract show(): Shown;

  /** Whether this node is there as long as the mount, so that every path through it need not ask again. */
  protected readonly isFixed: boolean = false;

  /** Fills in attributes. */
  attributes(out: Attributes, size?: number): number {
    const shown = this.show();
    const { stat } = out;
    const length = size ?? shown.size ?? 0;
    Object.assign(stat, {
      mask: 0x17ff | 0x800,
      blksize: BLOCK_SIZE,
      attributes: 0,
      nlink: shown.nlink ?? 1,
      uid: shown.uid,
      gid: shown.gid,
      mode: shown.mode,
      ino: inoOf(this.id),
      size: length,
      blocks: Math.ceil(length / 512),
      rdevMajor: 0,
      rdevMinor: 0,
    });
    stat.mtime = stat.ctime = stat.atime = shown.mtime.seconds;
    stat.mtimeNs = stat.ctimeNs = stat.atimeNs = shown.mtime.ns;
    stat.btime = (shown.btime ?? shown.mtime).seconds;
    stat.btimeNs = (shown.btime ?? shown.mtime).ns;
    out.attrTimeout = this.isFixed ? FIXED_ATTR_TIMEOUT : 0;
    return 0;
  }

  /** Fills in where a name leads to this node. */
  entry(out: Entry): number {
    out.node = this.id;
    out.generation = 0;
    out.entryTimeout = this.isFixed ? FIXED_NAME_TIMEOUT : 0;
    return this.attributes(out);
  }

  get isDirectory(): boolean {
    return (this.show().mode & S_IFDIR) !== 0;
  }

  lookup(_name: RawName, _out: Entry): Answer {
    return this.isDirectory ? -ENOENT : -ENOTDIR;
  }
  readdir(_offset: bigint, _sink: DirSink): number {
    return -ENOTDIR;
  }
  setattr(_changes: Changes, _out: Attributes): Answer {
    return -EPERM;
  }
  readlink(_out: IoArea): number {
    return -EINVAL;
  }
  mkdir(_caller: Caller, _name: RawName, _mode: number, _out: Entry): Answer {
    return -EPERM;
  }
  create(_caller: Caller, _name: RawName, _flags: number, _out: Entry, _opened: Opened): Answer {
    return -EPERM;
  }
  unlink(_name: RawName): Answer {
    return -EPERM;
  }
  rmdir(_name: RawName): Answer {
    return -EPERM;
  }
  open(_caller: Caller, _flags: number, _out: Opened): Answer {
    return this.isDirectory ? -EISDIR : -EPERM;
  }
}
