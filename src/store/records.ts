import { createHash } from "node:crypto";
import type { CopyState, Kind, Usage } from "./types.js";

/** A snapshot as it stands in the database. */
export interface Record {
  readonly kind: Kind;
  readonly key: string;
  readonly parentId?: number;
  readonly labels: Readonly<globalThis.Record<string, string>>;
  readonly created: number;
  readonly updated: number;
  readonly usage?: Usage;
  readonly copy?: CopyState;
  /** How the copy was made, once it is complete. */
  readonly method?: string;
  readonly flush?: Flush;
  readonly hold?: string;
}

/** A commit that may not be on the disk yet. */
export interface Flush {
  readonly formerKey: string;
  /** Where it was made: what a kernel has written is there as long as neither it nor the mount has changed. */
  readonly boot: string;
  readonly mount: string;
}

const KIND_BYTE: Readonly<globalThis.Record<Kind, number>> = { active: 1, committed: 2, view: 3 };
/** LMDB takes keys of 1978 bytes with pages of 4096; longer ones are cut, and told apart by a hash. */
const MOST_KEY = 1500;

/** @returns the database key of a snapshot: in order of kinds, then of the key's UTF-8 bytes */
export function keyBytes(kind: Kind, key: string): Buffer {
  const text = Buffer.from(key, "utf8");
  const head = Buffer.from([KIND_BYTE[kind]]);
  if (text.length <= MOST_KEY) return Buffer.concat([head, text]);
  const hash = createHash("sha256").update(text).digest();
  return Buffer.concat([head, text.subarray(0, MOST_KEY), hash]);
}

/** @returns the first database key that is greater than all of a kind */
export function afterKind(kind: Kind): Buffer {
  return Buffer.from([KIND_BYTE[kind] + 1]);
}

/** @returns a snapshot's number as a database key, in numeric order */
export function idBytes(id: number): Buffer {
  const out = Buffer.alloc(8);
  out.writeBigUInt64BE(BigInt(id));
  return out;
}

/** @returns the key of a parent's link to a child */
export function linkBytes(parent: number, child: number): Buffer {
  return Buffer.concat([idBytes(parent), idBytes(child)]);
}
