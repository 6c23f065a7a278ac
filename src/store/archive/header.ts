import { Header } from "tar";
import type { RawName } from "../../base/bytes.js";
import { aclText, aclValue } from "./acl.js";
import { type ArchiveEntry, ArchiveError, type EntryType, type Extent } from "./entry.js";
import { encodePax, type PaxRecords, parseTime, timeText } from "./pax.js";
import { encodeSparseMap, parseSparseList } from "./sparse.js";

export const BLOCK = 512;
/** Longest name that the header itself holds. */
const MOST_NAME = 99;
/** Largest numbers that fit in octal: of 7 and of 11 digits. */
const MOST_ID = 0o7777777;
const MOST_SIZE = 0o77777777777;
const XATTR = "SCHILY.xattr.";
const ACLS: readonly (readonly [attribute: RawName, keyword: string])[] = [
  ["system.posix_acl_access" as RawName, "SCHILY.acl.access"],
  ["system.posix_acl_default" as RawName, "SCHILY.acl.default"],
];

/** Type flags (POSIX, pax(1)). */
const FLAGS: Readonly<Record<EntryType, "0" | "1" | "2" | "3" | "4" | "5" | "6">> = {
  file: "0",
  link: "1",
  symlink: "2",
  character: "3",
  block: "4",
  directory: "5",
  fifo: "6",
};
const TYPES = new Map<string, EntryType>([
  ...Object.entries(FLAGS).map(([type, flag]) => [flag, type as EntryType] as const),
  ["\0", "file"],
  ["7", "file"],
  ["S", "file"],
]);

/** @returns what stands before the data of an entry: its headers, and the map of a sparse file */
export function encodeEntry(entry: ArchiveEntry): Buffer {
  const records = recordsOf(entry);
  const map = entry.extents === undefined ? Buffer.alloc(0) : encodeSparseMap(entry.extents);
  const size = map.length + dataLength(entry);
  if (size > MOST_SIZE) records.set("size", String(size));
  const blocks: Buffer[] = [];
  if (records.size > 0) {
    const body = encodePax(records);
    blocks.push(encodeHeader({ flag: "x", path: "PaxHeader", size: body.length }), padded(body));
  }
  const isAscii = isPlain(entry.path);
  const path = `${entry.path || "."}${entry.type === "directory" ? "/" : ""}`;
  blocks.push(
    encodeHeader({
      flag: FLAGS[entry.type],
      path: isAscii && path.length <= MOST_NAME ? path : shortened(path),
      size,
      entry,
    }),
    map,
  );
  return Buffer.concat(blocks);
}

/** Bytes of data that follow the headers. */
export function dataLength(entry: ArchiveEntry): number {
  if (entry.type !== "file") return 0;
  return entry.extents?.reduce((sum, { length }) => sum + length, 0) ?? entry.size;
}

function recordsOf(entry: ArchiveEntry): PaxRecords {
  const records: PaxRecords = new Map();
  const { path, target, mtime, mtimeNs, uid, gid, extents, size } = entry;
  const name = `${path || "."}${entry.type === "directory" ? "/" : ""}`;
  if (extents !== undefined) {
    records.set("GNU.sparse.major", "1").set("GNU.sparse.minor", "0");
    records.set("GNU.sparse.name", path).set("GNU.sparse.realsize", String(size));
  } else if (name.length > MOST_NAME || !isPlain(path)) records.set("path", name);
  if (target.length > MOST_NAME || !isPlain(target)) records.set("linkpath", target);
  if (mtimeNs !== 0 || mtime < 0 || mtime > MOST_SIZE) records.set("mtime", timeText(mtime, mtimeNs));
  if (uid > MOST_ID) records.set("uid", String(uid));
  if (gid > MOST_ID) records.set("gid", String(gid));
  for (const [attribute, value] of entry.xattrs) {
    const keyword = ACLS.find(([candidate]) => candidate === attribute)?.[1];
    const text = keyword === undefined ? undefined : aclText(value);
    if (keyword !== undefined && text !== undefined) records.set(keyword, text);
    else records.set(`${XATTR}${attribute}`, value.latin1Slice());
  }
  return records;
}

interface HeaderFields {
  readonly flag: "0" | "1" | "2" | "3" | "4" | "5" | "6" | "x";
  readonly path: string;
  readonly size: number;
  readonly entry?: ArchiveEntry;
}

function encodeHeader({ flag, path, size, entry }: HeaderFields): Buffer {
  const target = entry?.target ?? "";
  const header = new Header({
    path,
    size,
    mode: entry === undefined ? 0o644 : entry.mode & 0o7777,
    uid: Math.min(entry?.uid ?? 0, MOST_ID),
    gid: Math.min(entry?.gid ?? 0, MOST_ID),
    mtime: new Date(Math.min(Math.max(entry?.mtime ?? 0, 0), MOST_SIZE) * 1000),
    linkpath: isPlain(target) && target.length <= MOST_NAME ? target : shortened(target),
    uname: "",
    gname: "",
    devmaj: entry?.major ?? 0,
    devmin: entry?.minor ?? 0,
  });
  header.type = flag;
  const block = Buffer.alloc(BLOCK);
  header.encode(block);
  return block;
}

/** Something for those who do not read extended headers. */
function shortened(path: string): string {
  const ascii = [...path].map((byte) => (isPlain(byte) ? byte : "_")).join("");
  return ascii.slice(-MOST_NAME).replace(/^\/+/, "");
}

function isPlain(path: string): boolean {
  return /^[\x20-\x7e]*$/.test(path);
}

/** @returns bytes with zeros up to the next block */
export function padded(bytes: Buffer): Buffer {
  const rest = (BLOCK - (bytes.length % BLOCK)) % BLOCK;
  return rest === 0 ? bytes : Buffer.concat([bytes, Buffer.alloc(rest)]);
}

/** What one header block says; undefined for one of zeros, which ends an archive. */
export interface RawHeader {
  readonly flag: string;
  readonly block: Buffer;
  readonly fields: Header;
}

/** @throws ArchiveError for what is no header */
export function decodeHeader(block: Buffer): RawHeader | undefined {
  const fields = new Header(block);
  if (fields.nullBlock) return undefined;
  if (!fields.cksumValid)
    throw new ArchiveError("this is no tar archive, or a damaged one: a checksum is wrong");
  return { flag: block.latin1Slice(156, 157), block, fields };
}

/**
 * Puts together what the headers of an entry say.
 * @param records of the extended headers before it
 * @returns undefined for a type that is not known
 * @throws ArchiveError
 */
export function decodeEntry(
  { flag, block, fields }: RawHeader,
  records: PaxRecords,
): ArchiveEntry | undefined {
  const path = records.get("GNU.sparse.name") ?? records.get("path") ?? nameOf(block);
  let type = TYPES.get(flag);
  if (type === undefined) return undefined;
  // Before POSIX a directory was a file with a slash at its end.
  if (type === "file" && path.endsWith("/")) type = "directory";
  const mtime = records.get("mtime");
  const time = mtime === undefined ? { seconds: secondsOf(fields), ns: 0 } : parseTime(mtime);
  const realSize = records.get("GNU.sparse.realsize") ?? records.get("GNU.sparse.size");
  return {
    type,
    path: normalized(path),
    mode: (fields.mode ?? 0o644) & 0o7777,
    uid: numberOf(records, "uid") ?? fields.uid ?? 0,
    gid: numberOf(records, "gid") ?? fields.gid ?? 0,
    size: realSize === undefined ? storedSize(fields, records) : Number(realSize),
    mtime: time.seconds,
    mtimeNs: time.ns,
    target: targetOf(type, records.get("linkpath") ?? text(block, 157, 100)),
    major: octal(block, 329),
    minor: octal(block, 337),
    xattrs: xattrsOf(records),
    extents: sparseOf(records),
  };
}

/** Bytes of data that follow a header. */
export function storedSize(fields: Header, records: PaxRecords): number {
  return numberOf(records, "size") ?? fields.size ?? 0;
}

function targetOf(type: EntryType, target: string): RawName {
  return type === "link" ? normalized(target) : (target as RawName);
}

/** @throws ArchiveError for a path that leads out of the tree */
function normalized(path: string): RawName {
  const parts = path.split("/").filter((part) => part !== "" && part !== ".");
  if (parts.includes(".."))
    throw new ArchiveError(`the path ${JSON.stringify(path)} leads out of the tree: the archive is refused`);
  if (path.includes("\0")) throw new ArchiveError("a path with a zero byte: the archive is refused");
  return parts.join("/") as RawName;
}

function nameOf(block: Buffer): string {
  const name = text(block, 0, 100);
  // GNU tar has times where POSIX has a prefix.
  const prefix = block.latin1Slice(257, 263) === "ustar\0" ? text(block, 345, 155) : "";
  return prefix === "" ? name : `${prefix}/${name}`;
}

function text(block: Buffer, start: number, length: number): string {
  const field = block.latin1Slice(start, start + length);
  const end = field.indexOf("\0");
  return end < 0 ? field : field.slice(0, end);
}

function octal(block: Buffer, start: number): number {
  return Number.parseInt(text(block, start, 8).trim(), 8) || 0;
}

function secondsOf(fields: Header): number {
  return Math.floor((fields.mtime?.getTime() ?? 0) / 1000);
}

function numberOf(records: PaxRecords, keyword: string): number | undefined {
  const value = records.get(keyword);
  if (value === undefined) return undefined;
  if (!/^\d+$/.test(value)) throw new ArchiveError(`a damaged number (${keyword}=${value})`);
  return Number(value);
}

function xattrsOf(records: PaxRecords): Map<RawName, Buffer> {
  const xattrs = new Map<RawName, Buffer>();
  for (const [keyword, value] of records) {
    if (keyword.startsWith(XATTR))
      xattrs.set(keyword.slice(XATTR.length) as RawName, Buffer.from(value, "latin1"));
  }
  for (const [attribute, keyword] of ACLS) {
    const value = records.get(keyword);
    if (value !== undefined) xattrs.set(attribute, aclValue(value));
  }
  return xattrs;
}

/** The map of the older formats of GNU tar, 0.0 and 0.1, which stands in the extended header. */
function sparseOf(records: PaxRecords): Extent[] | undefined {
  const list = records.get("GNU.sparse.map");
  return list === undefined ? undefined : parseSparseList(list.split(","));
}
