import type { Answer, Caller, IoArea, Opened } from "../../fuse/filesystem.js";
import { changeLine } from "../../store/change-line.js";
import type { Info, Snapshotter } from "../../store/types.js";
import { O_ACCMODE, S_IFREG } from "../../sys/constants.js";
import { EACCES, EBADF, EINVAL } from "../../sys/errno.js";
import type { Context } from "./context.js";
import { attempt, interruptible, toAnswer } from "./errors.js";
import { FOPEN_DIRECT_IO, type OpenFile } from "./handles.js";
import { InfoNode } from "./info-node.js";
import type { Shown } from "./node.js";
import { SLOT_CHANGES, snapshotNode } from "./node-ids.js";

/** info/KIND/NAME/changes: what differs from the parent, a line each. As far as somebody reads it, it is found out. */
export class ChangesFile extends InfoNode {
  constructor(context: Context, info: Info) {
    super(context, info, snapshotNode(info.id, SLOT_CHANGES));
  }

  show(): Shown {
    return { ...this.shown(S_IFREG | 0o444), size: 0 };
  }

  override open(caller: Caller, flags: number, out: Opened): Answer {
    if ((flags & O_ACCMODE) !== 0) return -EACCES;
    const { context, info } = this;
    const opening = context.store.openChanges(info);
    return attempt(async () => {
      try {
        const list = await interruptible(caller, opening);
        out.handle = context.handles.add(new ChangesStream(context.store, list));
        out.flags = FOPEN_DIRECT_IO;
        return 0;
      } catch (error) {
        // Who gave up waiting does not read what he waited for.
        void opening.then((list) => context.store.closeChanges(list)).catch(toAnswer);
        throw error;
      }
    });
  }
}

/** So much of what was read can be read again: programs go back a little, and who was interrupted repeats himself. */
const KEPT_BYTES = 16 << 20;

/** A list of changes that somebody reads from its beginning to its end. */
class ChangesStream implements OpenFile {
  readonly size = undefined;
  /** Lines, from the offset `start` to the offset `end`. */
  private readonly pieces: Buffer[] = [];
  private start = 0;
  private end = 0;
  private isComplete = false;
  private fetching: Promise<void> | undefined;

  constructor(
    private readonly store: Snapshotter,
    private readonly list: number,
  ) {}

  read(caller: Caller, offset: number, size: number, out: IoArea): Answer {
    if (offset < this.start) return -EINVAL;
    if (this.isComplete || offset < this.end) return this.take(offset, size, out);
    return attempt(async () => {
      while (!this.isComplete && offset >= this.end) await interruptible(caller, this.fetch());
      return this.take(offset, size, out);
    });
  }

  private take(offset: number, size: number, out: IoArea): number {
    let taken = 0;
    let at = this.start;
    for (const piece of this.pieces) {
      const from = offset + taken - at;
      if (from < piece.length && taken < size)
        taken += piece.copy(out.buffer, taken, from, Math.min(piece.length, from + size - taken));
      at += piece.length;
    }
    return taken;
  }

  /** Goes on also when who asked for it was interrupted. */
  private fetch(): Promise<void> {
    this.fetching ??= this.fetchNext().finally(() => {
      this.fetching = undefined;
    });
    return this.fetching;
  }

  private async fetchNext(): Promise<void> {
    const { changes, isLast } = await this.store.nextChanges(this.list);
    const lines = Buffer.from(changes.map((change) => `${changeLine(change)}\n`).join(""));
    this.pieces.push(lines);
    this.end += lines.length;
    while (this.end - this.start - this.pieces[0]!.length > KEPT_BYTES)
      this.start += this.pieces.shift()!.length;
    this.isComplete = isLast;
  }

  write(): number {
    return -EBADF;
  }
  truncate(): number {
    return -EBADF;
  }
  sync(): number {
    return 0;
  }
  release(): void {
    void this.store.closeChanges(this.list).catch(toAnswer);
  }
}
