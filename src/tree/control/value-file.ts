import { rawFromText } from "../../base/bytes.js";
import type { Answer, Caller, Opened } from "../../fuse/filesystem.js";
import type { Info } from "../../store/types.js";
import { O_ACCMODE, S_IFREG } from "../../sys/constants.js";
import { EACCES } from "../../sys/errno.js";
import type { Context } from "./context.js";
import { attempt, interruptible } from "./errors.js";
import { FixedValue, FOPEN_DIRECT_IO } from "./handles.js";
import { InfoNode } from "./info-node.js";
import type { Shown } from "./node.js";
import { SLOT_VALUES, snapshotNode } from "./node-ids.js";
import { VALUES, type Value } from "./values.js";

/**
 * A file with one value. Its size is that of the value, so that archivers and copying programs take all of it; 0 while it
 * has to be waited for, as in /proc, until it is open: then its value is fixed, and fstat(2) gives its size.
 */
export class ValueFile extends InfoNode {
  private readonly value: Value;

  /** @param index of the value in VALUES */
  constructor(context: Context, info: Info, index: number) {
    super(context, info, snapshotNode(info.id, SLOT_VALUES + index));
    this.value = VALUES[index]!;
  }

  show(): Shown {
    const text = this.value.now(this.context, this.info);
    const size = text === undefined ? 0 : rawFromText(text).length + 1;
    return { ...this.shown(S_IFREG | 0o444), size };
  }

  override open(caller: Caller, flags: number, out: Opened): Answer {
    if ((flags & O_ACCMODE) !== 0) return -EACCES;
    const { context, info, value } = this;
    const text = value.now(context, info);
    if (text !== undefined || value.later === undefined) return this.opened(text ?? "", out);
    const later = value.later(context, info);
    return attempt(async () => this.opened(await interruptible(caller, later), out));
  }

  private opened(text: string, out: Opened): number {
    out.handle = this.context.handles.add(new FixedValue(Buffer.from(`${text}\n`)));
    out.flags = FOPEN_DIRECT_IO;
    return 0;
  }
}
