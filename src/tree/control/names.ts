import { createHash } from "node:crypto";
import { type RawName, rawFromText, textFromRaw } from "../../base/bytes.js";
import { NAME_MAX } from "../../base/limits.js";

/**
 * Keys of snapshots and labels as file names.
 *
 * `/`, `@`, control characters, a leading dot and the first letter of a name that desktops probe for are written as
 * `%XX`, the UTF-8 bytes in upper case. `%` stands for itself unless an escape follows that would be taken for one of
 * these; then it is `%25`. So each key has one file name, and each file name without raw special characters has one key.
 *
 * A key whose name would be longer than NAME_MAX bytes is cut and ends in `%~` and 32 hexadecimal digits of its SHA-256.
 * Such a name has no way back by itself: it is looked for among the keys that there are.
 */

/** Names that desktops look for in every directory; nothing is ever called so. */
const PROBED: readonly string[] = ["autorun.inf", "desktop.ini", "Thumbs.db"];

const HASH_LENGTH = 32;
const SUFFIX_LENGTH = 2 + HASH_LENGTH;
const ANYWHERE = "2F|40|[01][0-9A-F]|7F|C2%[89][0-9A-F]|~[0-9a-f]{32}$";
const AT_START = `2E|61utorun\\.inf$|64esktop\\.ini$|54humbs\\.db$|${ANYWHERE}`;
const escapeAnywhere = new RegExp(`%(25)*(?:${ANYWHERE})`, "y");
const escapeAtStart = new RegExp(`%(25)*(?:${AT_START})`, "y");
const surrogate = /\p{Surrogate}/u;

/** What a file name stands for. */
export type Decoded =
  | { readonly key: string }
  /** The name of a long key, and what its key begins with. */
  | { readonly hashed: RawName; readonly prefix: string };

/** @returns the one file name of a key */
export function encodeKey(key: string): RawName {
  const pieces: string[] = [];
  for (const [index, character] of characters(key)) pieces.push(encodeCharacter(key, index, character));
  const whole = rawFromText(pieces.join(""));
  if (whole.length <= NAME_MAX && !surrogate.test(key)) return whole;
  return hashedName(key, pieces);
}

/** @returns whether a key may have a hashed name, without making it: every byte becomes three at most */
export function mayBeHashed(key: string): boolean {
  return Buffer.byteLength(key) * 3 > NAME_MAX || surrogate.test(key);
}

/**
 * @param atAllowed whether a raw `@` is taken for itself
 * @returns what a file name stands for, or undefined for one that no key has
 */
export function decodeName(name: RawName, atAllowed = false): Decoded | undefined {
  const text = textFromRaw(name);
  if (text === undefined || text === "" || isProbed(name)) return undefined;
  if (isHashed(text)) {
    const cut = text.indexOf("%");
    return { hashed: name, prefix: text.slice(0, cut) };
  }
  let key = "";
  for (let i = 0; i < text.length; ) {
    const sequence = text[i] === "%" ? escapeAt(text, i) : undefined;
    if (sequence === undefined) {
      const character = text[i]!;
      if (isSpecial(character) && !(atAllowed && character === "@")) return undefined;
      key += character;
      i++;
    } else {
      key += sequence.character;
      i += sequence.length;
    }
  }
  return { key };
}

/** Whether it is one of the names that desktops probe for, or a hidden one: nothing of the store is ever called so. */
export function isProbed(name: RawName): boolean {
  return name.startsWith(".") || PROBED.includes(name);
}

/** Splits `NAME@PARENT` at the first `@`. */
export function splitName(name: RawName): { readonly name: RawName; readonly parent: RawName | undefined } {
  const at = name.indexOf("@");
  if (at < 0) return { name, parent: undefined };
  return { name: name.slice(0, at) as RawName, parent: name.slice(at + 1) as RawName };
}

function* characters(text: string): Generator<[number, string]> {
  let index = 0;
  for (const character of text) {
    yield [index, character];
    index += character.length;
  }
}

function encodeCharacter(key: string, index: number, character: string): string {
  if (character === "%") return escapeAt(key, index) === undefined && !isHashedAt(key, index) ? "%" : "%25";
  const first = index === 0 && (character === "." || PROBED.includes(key));
  return first || isSpecial(character) ? percent(character) : character;
}

/** Whether a character never stands for itself in a file name. */
function isSpecial(character: string): boolean {
  const code = character.charCodeAt(0);
  return character === "/" || character === "@" || code < 0x20 || (code >= 0x7f && code <= 0x9f);
}

function percent(character: string): string {
  let out = "";
  for (const byte of Buffer.from(character)) out += `%${byte.toString(16).toUpperCase().padStart(2, "0")}`;
  return out;
}

/** The escape that starts at index, or undefined when the `%` there stands for itself. */
function escapeAt(text: string, index: number): { character: string; length: number } | undefined {
  const pattern = index === 0 ? escapeAtStart : escapeAnywhere;
  pattern.lastIndex = index;
  const match = pattern.exec(text);
  if (match === null) return undefined;
  if (match[1] !== undefined) return { character: "%", length: 3 };
  if (match[0].startsWith("%~")) return undefined;
  if (match[0].startsWith("%C2%")) {
    return {
      character: String.fromCharCode(Number.parseInt(text.slice(index + 4, index + 6), 16)),
      length: 6,
    };
  }
  return { character: String.fromCharCode(Number.parseInt(text.slice(index + 1, index + 3), 16)), length: 3 };
}

function isHashed(text: string): boolean {
  return text.length >= SUFFIX_LENGTH && isHashedAt(text, text.length - SUFFIX_LENGTH);
}

function isHashedAt(text: string, index: number): boolean {
  return text.length - index === SUFFIX_LENGTH && /^%~[0-9a-f]{32}$/.test(text.slice(index));
}

function hashedName(key: string, pieces: readonly string[]): RawName {
  const hash = createHash("sha256").update(key, "utf16le").digest("hex").slice(0, HASH_LENGTH);
  let head = "";
  for (const piece of pieces) {
    const longer = head + rawFromText(piece);
    if (surrogate.test(piece) || longer.length > NAME_MAX - SUFFIX_LENGTH) break;
    head = longer;
  }
  return `${head}%~${hash}` as RawName;
}
