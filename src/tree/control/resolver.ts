import type { RawName } from "../../base/bytes.js";
import { NAME_MAX } from "../../base/limits.js";
import type { Info, Kind, StoreReader } from "../../store/types.js";
import { EINVAL, ENAMETOOLONG, EPERM } from "../../sys/errno.js";
import { decodeName, encodeKey, isProbed, mayBeHashed, splitName } from "./names.js";

/** Most names of long keys whose keys are remembered. */
const MOST_REMEMBERED = 1024;
const PAGE = 256;

/** What a name that is to be given to a snapshot means. */
export interface Target {
  readonly key: string;
  /** Key of the parent after the `@`, or undefined without one. */
  readonly parent: string | undefined;
}

/** Finds snapshots by their file names. */
export class Resolver {
  private readonly longKeys = new Map<string, string>();

  constructor(private readonly reader: StoreReader) {}

  /** @returns the snapshot that a name in the directory of its kind leads to; `alias` when by `NAME@PARENT` */
  find(kind: Kind, name: RawName): { readonly info: Info; readonly alias: boolean } | undefined {
    if (isProbed(name)) return undefined;
    const split = splitName(name);
    const key = this.keyOf(kind, split.name);
    const info = key === undefined ? undefined : this.reader.get(kind, key);
    if (info === undefined) return undefined;
    if (split.parent === undefined) return { info, alias: false };
    const parent = this.keyOf("committed", split.parent, true);
    return parent !== undefined && info.parent === parent ? { info, alias: true } : undefined;
  }

  /** @returns what a name means that is to be given to a snapshot, or -errno for one that none can have */
  target(kind: Kind, name: RawName): Target | number {
    if (isProbed(name)) return -EPERM;
    if (name.length > NAME_MAX) return -ENAMETOOLONG;
    const split = splitName(name);
    const key = this.keyOf(kind, split.name);
    if (key === undefined) return -EINVAL;
    if (split.parent === undefined) return { key, parent: undefined };
    const parent = this.keyOf("committed", split.parent, true);
    return parent === undefined ? -EINVAL : { key, parent };
  }

  private keyOf(kind: Kind, name: RawName, atAllowed = false): string | undefined {
    const decoded = decodeName(name, atAllowed);
    if (decoded === undefined) return undefined;
    return "key" in decoded ? decoded.key : this.longKey(kind, decoded.hashed, decoded.prefix);
  }

  private longKey(kind: Kind, name: RawName, prefix: string): string | undefined {
    const known = this.longKeys.get(`${kind}/${name}`);
    if (known !== undefined && this.reader.get(kind, known) !== undefined) return known;
    let after = prefix === "" ? undefined : prefix;
    for (;;) {
      const page = this.reader.list(kind, after, PAGE);
      for (const { key } of page) {
        if (!key.startsWith(prefix)) return undefined;
        if (mayBeHashed(key) && encodeKey(key) === name) return this.remember(kind, name, key);
      }
      if (page.length < PAGE) return undefined;
      after = page.at(-1)!.key;
    }
  }

  private remember(kind: Kind, name: RawName, key: string): string {
    this.longKeys.set(`${kind}/${name}`, key);
    for (const oldest of this.longKeys.keys()) {
      if (this.longKeys.size <= MOST_REMEMBERED) break;
      this.longKeys.delete(oldest);
    }
    return key;
  }
}
