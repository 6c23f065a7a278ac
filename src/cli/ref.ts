import { rawFromText } from "../base/bytes.js";
import { NAME_MAX } from "../base/limits.js";
import { Failure } from "../daemon/failure.js";
import type { Kind } from "../store/types.js";
import { decodeName, encodeKey, isProbed } from "../tree/control/names.js";
import { KIND_DIRECTORY, KINDS } from "../tree/control/node-ids.js";

/** A snapshot as the command line calls it: its kind, and its file name on the mount. */
export interface Ref {
  readonly kind: Kind;
  /** File name, in which odd characters of the key are written as %XX. */
  readonly name: string;
}

/** A snapshot that is to be made. */
export interface NewRef {
  readonly ref: Ref;
  /** What follows the `@`: always a committed one. */
  readonly parent: Ref | undefined;
}

/** @returns the path by which everybody knows a snapshot: `active/web` */
export function refText(ref: Ref): string {
  return `${KIND_DIRECTORY[ref.kind]}/${ref.name}`;
}

/** Orders snapshots by their names, the same everywhere. */
export function compareRefs(a: Ref, b: Ref): number {
  const [one, other] = [refText(a), refText(b)];
  return one < other ? -1 : one > other ? 1 : 0;
}

/** @returns how a snapshot with this key is called */
export function refOf(kind: Kind, key: string): Ref {
  return { kind, name: Buffer.from(encodeKey(key), "latin1").toString("utf8") };
}

/** @returns the key that a file name stands for; that of a key that is too long stands for itself */
export function keyOfName(name: string): string {
  const decoded = decodeName(rawFromText(name), true);
  return decoded !== undefined && "key" in decoded ? decoded.key : name;
}

/**
 * Understands `active/web`, `committed/base`, `views/look`.
 * @param kind what is meant when no directory is named; undefined: it must be named
 * @throws Failure of kind usage
 */
export function parseRef(text: string, kind?: Kind): Ref {
  const ref = split(text, kind);
  if (ref.name.includes("@")) {
    const plain = refText({ ...ref, name: ref.name.slice(0, ref.name.indexOf("@")) });
    throw usage(`${text} is not the name of a snapshot: say ${plain}, or write @ as %40`);
  }
  requireName(ref.name, text, false);
  return ref;
}

/**
 * Understands `active/web`, and with a parent `active/web@base` and `active/web@committed/base`.
 * @throws Failure of kind usage
 */
export function parseNewRef(text: string, kind: Kind): NewRef {
  const at = text.indexOf("@");
  const ref = parseRef(at < 0 ? text : text.slice(0, at), kind);
  if (ref.kind !== kind)
    throw usage(`${text} cannot be made by this command: say ${KIND_DIRECTORY[kind]}/NAME[@PARENT]`);
  return { ref, parent: at < 0 ? undefined : parseParent(text.slice(at + 1)) };
}

/** Understands what follows an `@`, in which further ones stand for themselves. */
function parseParent(text: string): Ref {
  const parent = split(text, "committed");
  requireName(parent.name, text, true);
  if (parent.kind !== "committed")
    throw usage(`${text} cannot be a parent: only what is committed can, such as committed/${parent.name}`);
  // One name for each: a raw `@` is only another way to write it here.
  return { kind: parent.kind, name: parent.name.replaceAll("@", "%40") };
}

function split(text: string, kind: Kind | undefined): Ref {
  const path = text.replace(/\/+$/, "");
  const slash = path.indexOf("/");
  const named = KINDS.find((candidate) => KIND_DIRECTORY[candidate] === path.slice(0, Math.max(slash, 0)));
  if (named !== undefined) return { kind: named, name: path.slice(slash + 1) };
  if (kind !== undefined && slash < 0) return { kind, name: path };
  throw usage(`${JSON.stringify(text)} names no snapshot: say active/NAME, committed/NAME or views/NAME`);
}

function requireName(name: string, text: string, atAllowed: boolean): void {
  if (name === "") throw usage(`${JSON.stringify(text)} names no snapshot: a name is missing`);
  const raw = rawFromText(name);
  if (raw.length > NAME_MAX) throw usage(`the name ${name} is longer than ${NAME_MAX} bytes`);
  if (!isProbed(raw) && decodeName(raw, atAllowed) !== undefined) return;
  const written = refOf("active", name).name;
  throw usage(
    `${JSON.stringify(name)} cannot be the name of a snapshot: if that is its key, write ${written}`,
  );
}

function usage(message: string): Failure {
  return new Failure("usage", message);
}
