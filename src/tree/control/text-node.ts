import type { Answer, Attributes, Caller, Changes, IoArea, Opened } from "../../fuse/filesystem.js";
import { O_ACCMODE, O_TRUNC } from "../../sys/constants.js";
import { EFBIG, ENOENT, EPERM, EROFS } from "../../sys/errno.js";
import { then } from "./errors.js";
import { copyOut, FOPEN_DIRECT_IO, type OpenFile } from "./handles.js";
import { InfoNode } from "./info-node.js";

const EMPTY = Buffer.alloc(0);

/** A file of info/ that can be written. */
export abstract class TextNode extends InfoNode {
  /** Most bytes. */
  protected abstract readonly limit: number;
  /** What is in it, or undefined when it is not there. */
  protected abstract content(): Buffer | undefined;
  /** Takes what was written. @returns 0 or -errno */
  protected abstract save(content: Buffer): Answer;

  override open(_caller: Caller, flags: number, out: Opened): Answer {
    const content = this.content();
    if (content === undefined) return -ENOENT;
    const writes = (flags & O_ACCMODE) !== 0;
    if (writes && this.context.options.readOnly) return -EROFS;
    out.handle = this.context.handles.add(this.file(content, (flags & O_TRUNC) !== 0));
    out.flags = FOPEN_DIRECT_IO;
    return 0;
  }

  protected file(content: Buffer, truncated: boolean): TextFile {
    return new TextFile(content, truncated, this.limit, (next) => this.save(next));
  }

  /** Its times are those of the snapshot, its owner and permissions fixed: asking for what they are succeeds. */
  override setattr(changes: Changes, out: Attributes): Answer {
    const { mode, uid, gid, size } = changes;
    const shown = this.show();
    const isOther =
      (mode !== undefined && (mode & 0o7777) !== (shown.mode & 0o7777)) ||
      (uid !== undefined && uid !== shown.uid) ||
      (gid !== undefined && gid !== shown.gid);
    if (isOther) return -EPERM;
    if (size === undefined) return this.attributes(out);
    if (this.context.options.readOnly) return -EROFS;
    const open = changes.handle === undefined ? undefined : this.context.handles.get(changes.handle);
    const content = this.content();
    if (open === undefined && content === undefined) return -ENOENT;
    const file = open ?? this.file(content!, false);
    return then(file.truncate(size), () => this.attributes(out, size));
  }
}

/**
 * A text that somebody has open. Each write is taken at once, so that its failure is the writer's, and the next reader sees
 * it; only what open(2) truncates stays as it was until something is written, or the file is closed.
 */
export class TextFile implements OpenFile {
  private isTruncated: boolean;

  constructor(
    private content: Buffer,
    truncated: boolean,
    private readonly limit: number,
    private readonly save: (content: Buffer) => Answer,
  ) {
    this.isTruncated = truncated && content.length > 0;
    if (truncated) this.content = EMPTY;
  }

  get size(): number {
    return this.content.length;
  }

  read(_caller: Caller, offset: number, size: number, out: IoArea): number {
    return copyOut(this.content, offset, size, out);
  }

  write(data: Buffer, offset: number, append: boolean): Answer {
    const at = append ? this.content.length : offset;
    const next = Buffer.alloc(Math.min(Math.max(this.content.length, at + data.length), this.limit + 1));
    if (next.length > this.limit) return -EFBIG;
    this.content.copy(next);
    data.copy(next, at);
    return then(this.take(next), () => data.length);
  }

  truncate(size: number): Answer {
    if (size > this.limit) return -EFBIG;
    const next = Buffer.alloc(size);
    this.content.copy(next);
    return this.take(next);
  }

  sync(): number {
    return 0;
  }

  release(): void {
    if (this.isTruncated) void this.take(EMPTY);
  }

  private take(next: Buffer): Answer {
    return then(this.save(next), () => {
      this.content = next;
      this.isTruncated = false;
      return 0;
    });
  }
}
