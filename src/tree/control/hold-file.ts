import { rawFromBuffer, textFromRaw } from "../../base/bytes.js";
import type { Answer, Entry, Opened } from "../../fuse/filesystem.js";
import type { Info } from "../../store/types.js";
import { S_IFREG } from "../../sys/constants.js";
import { EINVAL, EROFS } from "../../sys/errno.js";
import type { Context } from "./context.js";
import { attempt, then } from "./errors.js";
import { FOPEN_DIRECT_IO } from "./handles.js";
import type { Shown } from "./node.js";
import { SLOT_HOLD, snapshotNode } from "./node-ids.js";
import { TextNode } from "./text-node.js";

/** How the file is called. */
export const HOLD = "hold";
/** Until one is written, and when none is. */
const NO_REASON = "no reason was given";

/** info/KIND/NAME/hold: there while the snapshot may not be removed; it says why. */
export class HoldFile extends TextNode {
  protected readonly limit = 4096;

  constructor(context: Context, info: Info) {
    super(context, info, snapshotNode(info.id, SLOT_HOLD));
  }

  show(): Shown {
    return { ...this.shown(S_IFREG | 0o644), size: this.content()?.length ?? 0 };
  }

  /** Holds the snapshot, whatever will be written. */
  make(out: Entry, opened: Opened): Answer {
    if (this.context.options.readOnly) return -EROFS;
    return then(this.hold(NO_REASON), () => {
      const held = new HoldFile(this.context, this.context.reader.getById(this.info.id) ?? this.info);
      held.entry(out);
      // What stands there for the time being is not what the writer wants to go on from.
      opened.handle = this.context.handles.add(this.file(Buffer.alloc(0), false));
      opened.flags = FOPEN_DIRECT_IO;
      return 0;
    });
  }

  /** Releases the snapshot. */
  lift(): Answer {
    return this.context.options.readOnly ? -EROFS : this.hold(undefined);
  }

  protected content(): Buffer | undefined {
    return this.info.hold === undefined ? undefined : Buffer.from(`${this.info.hold}\n`);
  }

  protected save(content: Buffer): Answer {
    const reason = textFromRaw(rawFromBuffer(content));
    if (reason === undefined) return -EINVAL;
    return this.hold(reason.replace(/\n$/, "") || NO_REASON);
  }

  private hold(reason: string | undefined): Promise<number> {
    return attempt(async () => {
      await this.context.store.hold(this.info, reason);
      return 0;
    });
  }
}
