import { type RawName, textFromRaw } from "../base/bytes.js";
import type { TreeChange } from "./changes.js";

/** @returns `M etc/passwd`: one line, whatever the name. The top of the tree is a dot. */
export function changeLine(change: TreeChange): string {
  return `${change.type} ${change.path === "" ? "." : escapePath(change.path)}`;
}

/**
 * @returns the path as text in which a backslash is `\\`, and control characters and bytes that are not UTF-8 are `\` and
 * three octal digits, as printf(1) takes them back
 */
export function escapePath(path: RawName): string {
  const text = textFromRaw(path);
  if (text !== undefined) return text.replace(ODD_CHARACTER, escapeCharacter);
  return path.replace(ODD_BYTE, escapeByte);
}

/** What would end a line, or drive a terminal: C0, DEL, C1; and the escape itself. */
const ODD_CHARACTER = /[\\\p{Cc}]/gu;
const ODD_BYTE = /[^\x20-\x5b\x5d-\x7e]/g;

function escapeCharacter(character: string): string {
  return Buffer.from(character).latin1Slice().replace(ODD_BYTE, escapeByte);
}

function escapeByte(byte: string): string {
  return byte === "\\" ? "\\\\" : `\\${byte.charCodeAt(0).toString(8).padStart(3, "0")}`;
}
