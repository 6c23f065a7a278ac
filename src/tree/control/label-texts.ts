import { type RawName, textFromRaw } from "../../base/bytes.js";
import { NAME_MAX } from "../../base/limits.js";
import type { Answer } from "../../fuse/filesystem.js";
import type { Info, Snapshotter, StoreReader } from "../../store/types.js";
import { EINVAL, ENAMETOOLONG, ENOENT, ENOSPC } from "../../sys/errno.js";
import { attempt, then } from "./errors.js";
import { decodeName, encodeKey } from "./names.js";

/** So many drafts are kept: enough for what editors leave aside while they save. */
const MOST_DRAFTS = 256;
const EMPTY = Buffer.alloc(0);

/**
 * What is in the files of labels/. As in containerd, a label without a value is none; so an empty file is only a draft, as
 * is one whose name begins with a dot. Editors make such while they save. Drafts are nowhere but here, and not listed.
 */
export class LabelTexts {
  private readonly drafts = new Map<string, Buffer>();

  constructor(
    private readonly reader: StoreReader,
    private readonly store: Snapshotter,
  ) {}

  /** @returns the name under which a file is listed that may be called so, or -errno when none can be */
  canonical(info: Info, name: RawName): RawName | number {
    if (name.length > NAME_MAX) return -ENAMETOOLONG;
    if (name.startsWith(".")) return name;
    const key = keyOf(info, name);
    return key === undefined ? -EINVAL : encodeKey(key);
  }

  /** @returns what is in a file, or undefined when it is not there */
  get(id: number, name: RawName): Buffer | undefined {
    const info = this.reader.getById(id);
    if (info === undefined) return undefined;
    const label = labelOf(info, name);
    return label === undefined ? this.drafts.get(path(id, name)) : Buffer.from(`${label}\n`);
  }

  /** Makes or replaces a file. @returns 0 or -errno */
  put(id: number, name: RawName, content: Buffer): Answer {
    return this.change(id, (info, change) => change.put(info, name, content));
  }

  remove(id: number, name: RawName): Answer {
    return this.change(id, (info, change) => change.remove(info, name));
  }

  /** Gives a file another name, in one step; what is there by that name is replaced. */
  move(id: number, name: RawName, toName: RawName): Answer {
    const content = this.get(id, name);
    if (content === undefined) return -ENOENT;
    return this.change(id, (info, change) => {
      change.remove(info, name);
      return change.put(info, toName, content);
    });
  }

  /** A snapshot has gone, and its number is never used again. */
  forget(id: number): void {
    for (const draft of this.drafts.keys()) if (draft.startsWith(`${id}/`)) this.drafts.delete(draft);
  }

  private change(id: number, plan: (info: Info, change: Change) => number): Answer {
    const info = this.reader.getById(id);
    if (info === undefined) return -ENOENT;
    const change = new Change();
    const code = plan(info, change);
    if (code < 0) return code;
    const made = [...change.drafts].filter(([name, text]) => text && !this.drafts.has(path(id, name)));
    if (this.drafts.size + made.length > MOST_DRAFTS) return -ENOSPC;
    return then(this.update(info, change), () => {
      for (const [name, text] of change.drafts) {
        if (text === undefined) this.drafts.delete(path(id, name));
        else this.drafts.set(path(id, name), text);
      }
      return 0;
    });
  }

  private update(info: Info, { labels }: Change): Answer {
    if (labels.size === 0) return 0;
    const fields = [...labels.keys()].map((key) => `labels.${key}`);
    return attempt(async () => {
      await this.store.update(info, Object.fromEntries(labels), ...fields);
      return 0;
    });
  }
}

/** What is to be done in one step. */
class Change {
  /** "" removes a label. */
  readonly labels = new Map<string, string>();
  /** Undefined removes a draft. */
  readonly drafts = new Map<RawName, Buffer | undefined>();

  put(info: Info, name: RawName, content: Buffer): number {
    const key = keyOf(info, name);
    const value = key === undefined ? "" : labelText(content);
    if (value === undefined) return -EINVAL;
    if (key !== undefined && (value !== "" || labelOf(info, name) !== undefined)) this.labels.set(key, value);
    this.drafts.set(name, value === "" ? content : undefined);
    return 0;
  }

  remove(info: Info, name: RawName): number {
    if (labelOf(info, name) !== undefined) this.labels.set(keyOf(info, name)!, "");
    this.drafts.set(name, undefined);
    return 0;
  }
}

const path = (id: number, name: RawName): string => `${id}/${name}`;

/** @returns the label that a name stands for, or undefined when no label has it */
function keyOf(info: Info, name: RawName): string | undefined {
  if (name.startsWith(".")) return undefined;
  const decoded = decodeName(name, true);
  if (decoded === undefined) return undefined;
  if (!("key" in decoded)) return Object.keys(info.labels).find((key) => encodeKey(key) === name);
  // It would be no property of its own in the objects that hold labels.
  return decoded.key === "__proto__" ? undefined : decoded.key;
}

function labelOf(info: Info, name: RawName): string | undefined {
  const key = keyOf(info, name);
  return key !== undefined && Object.hasOwn(info.labels, key) ? info.labels[key] : undefined;
}

/** @returns the text of a file without the newline at its end, or undefined when it is none */
function labelText(content: Buffer): string | undefined {
  const text = textFromRaw(withoutCutCharacter(content).latin1Slice() as RawName);
  return text?.replace(/\n$/, "");
}

/** What a program writes in pieces may be cut within a character, which the next piece completes. */
function withoutCutCharacter(content: Buffer): Buffer {
  for (let back = 1; back <= Math.min(3, content.length); back++) {
    const byte = content[content.length - back]!;
    if (byte < 0x80 || byte > 0xf4) break;
    if (byte < 0xc0) continue;
    const length = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : 2;
    return length > back ? content.subarray(0, content.length - back) : content;
  }
  return content.length === 0 ? EMPTY : content;
}
