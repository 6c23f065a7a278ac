import { readFileSync } from "node:fs";
import { ArchiveError } from "./entry.js";

// The value of system.posix_acl_access and _default (linux/posix_acl_xattr.h): a version, then for each entry a tag, its
// permissions and an id, all little endian. In archives ACLs are text (acl(5), short form), as star, GNU tar and bsdtar
// write and read it.

const VERSION = 2;
const HEADER = 4;
const ENTRY = 8;
const NO_ID = 0xffffffff;
/** ACL_USER_OBJ … (linux/posix_acl.h), by how the text calls them: without an id, and with one. */
const USER_OBJ = 0x01;
const USER = 0x02;
const GROUP_OBJ = 0x04;
const GROUP = 0x08;
const MASK = 0x10;
const OTHER = 0x20;
const NAMES = new Map([
  [USER_OBJ, "user"],
  [USER, "user"],
  [GROUP_OBJ, "group"],
  [GROUP, "group"],
  [MASK, "mask"],
  [OTHER, "other"],
]);

/** @returns the text of an ACL, with numbers for users and groups; undefined for a value that is none */
export function aclText(value: Buffer): string | undefined {
  if (value.length < HEADER || (value.length - HEADER) % ENTRY !== 0) return undefined;
  if (value.readUInt32LE(0) !== VERSION) return undefined;
  const entries: string[] = [];
  for (let at = HEADER; at < value.length; at += ENTRY) {
    const tag = value.readUInt16LE(at);
    const name = NAMES.get(tag);
    if (name === undefined) return undefined;
    const permissions = value.readUInt16LE(at + 2);
    const letters = [..."rwx"].map((letter, bit) => ((permissions & (4 >> bit)) === 0 ? "-" : letter));
    const id = tag === USER || tag === GROUP ? String(value.readUInt32LE(at + 4)) : "";
    entries.push(`${name}:${id}:${letters.join("")}`);
  }
  return entries.join(",");
}

/** @returns the value of an ACL's text. @throws ArchiveError */
export function aclValue(text: string): Buffer {
  const entries = text
    .split(/[,\n]/)
    .map((line) => line.replace(/#.*/, "").trim())
    .filter((line) => line !== "")
    .map(parseEntry)
    // The kernel wants them in this order.
    .sort((a, b) => a.tag - b.tag || a.id - b.id);
  const value = Buffer.alloc(HEADER + entries.length * ENTRY);
  value.writeUInt32LE(VERSION, 0);
  for (const [index, { tag, permissions, id }] of entries.entries()) {
    const at = HEADER + index * ENTRY;
    value.writeUInt16LE(tag, at);
    value.writeUInt16LE(permissions, at + 2);
    value.writeUInt32LE(id, at + 4);
  }
  return value;
}

function parseEntry(line: string): { tag: number; permissions: number; id: number } {
  const match = /^(u|user|g|group|m|mask|o|other):([^:]*):([rwx-]{3})(?::(\d+))?/.exec(line);
  if (match === null) throw new ArchiveError(`a damaged ACL (${JSON.stringify(line)})`);
  const [, word = "", who = "", letters = "", number] = match;
  let permissions = 0;
  for (const [bit, letter] of [..."rwx"].entries()) if (letters.includes(letter)) permissions |= 4 >> bit;
  const plain = { u: USER_OBJ, g: GROUP_OBJ, m: MASK, o: OTHER }[word[0] as "u" | "g" | "m" | "o"];
  if (who === "") return { tag: plain, permissions, id: NO_ID };
  const isUser = plain === USER_OBJ;
  // star writes the name and the number.
  const id = number === undefined ? idOf(who, isUser ? "/etc/passwd" : "/etc/group") : Number(number);
  return { tag: isUser ? USER : GROUP, permissions, id };
}

/** @param database passwd(5) or group(5) */
function idOf(who: string, database: string): number {
  if (/^\d+$/.test(who)) return Number(who);
  const name = Buffer.from(who, "latin1").toString("utf8");
  for (const line of readFileSync(database, "utf8").split("\n")) {
    const fields = line.split(":");
    if (fields[0] === name) return Number(fields[2]);
  }
  throw new ArchiveError(`an ACL names ${name}, who is not in ${database} here`);
}
