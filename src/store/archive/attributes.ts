import type { RawName } from "../../base/bytes.js";
import { log } from "../../base/log.js";
import { ENODATA, EOPNOTSUPP, EPERM, ERANGE } from "../../sys/errno.js";
import { check } from "../../sys/error.js";
import { chmodPath, chownAt, utimesAt } from "../../sys/stat.js";
import { lgetXattr, llistXattr, lremoveXattr, lsetXattr } from "../../sys/xattr.js";
import type { ArchiveEntry } from "./entry.js";

const trace = log("archive");
const MOST_XATTR = 65536;
const buffer = Buffer.alloc(MOST_XATTR);
const isRoot = process.geteuid?.() === 0;

/** The path by which the calls for extended attributes, which know no directories, reach a name without following it. */
function pathOf(directory: number, name: RawName): RawName {
  return `/proc/self/fd/${directory}/${name}` as RawName;
}

/**
 * Reads the extended attributes of a file, ACLs among them, in the order of their names.
 * @param name in directory; "." for itself
 * @throws SysError
 */
export function readXattrs(directory: number, name: RawName, shown: string): Map<RawName, Buffer> {
  const path = pathOf(directory, name);
  const found = new Map<RawName, Buffer>();
  for (const attribute of listXattrs(path, shown)) {
    const size = lgetXattr(path, attribute, buffer, MOST_XATTR);
    // Gone meanwhile, or one that is only shown.
    if (size === -ENODATA || size === -EOPNOTSUPP) continue;
    check(size === -ERANGE ? -EOPNOTSUPP : size, `getxattr ${attribute}`, shown);
    found.set(attribute, Buffer.from(buffer.subarray(0, size)));
  }
  return found;
}

function listXattrs(path: RawName, shown: string): RawName[] {
  const length = llistXattr(path, buffer, MOST_XATTR);
  if (length === -EOPNOTSUPP || length === 0) return [];
  check(length, "listxattr", shown);
  const names = buffer.latin1Slice(0, length).split("\0") as RawName[];
  return names.filter((name) => name !== "").sort();
}

/**
 * Gives a file owner, extended attributes, permission bits and times, in the order in which none undoes another.
 * Afterwards it has no other attributes than those of the entry.
 * @param name in directory; "." for itself
 * @returns what could not be kept here, for a warning
 * @throws SysError
 */
export function applyAttributes(
  directory: number,
  name: RawName,
  entry: ArchiveEntry,
  shown: string,
): string[] {
  const lost: string[] = [];
  const owned = chownAt(directory, name, entry.uid, entry.gid);
  // Only root can give files away; for others what they make is theirs, as with tar(1).
  if (owned !== -EPERM || isRoot) check(owned, "chown", shown);
  const path = pathOf(directory, name);
  for (const attribute of listXattrs(path, shown)) {
    if (entry.xattrs.has(attribute)) continue;
    const code = lremoveXattr(path, attribute);
    if (code < 0) trace("%s: %s stays (%d)", shown, attribute, code);
  }
  for (const [attribute, value] of entry.xattrs) {
    const code = lsetXattr(path, attribute, value, value.length, 0);
    if (code === -EOPNOTSUPP || (code === -EPERM && !isRoot)) lost.push(attribute);
    else check(code, `setxattr ${attribute}`, shown);
  }
  if (entry.type !== "symlink") check(chmodPath(path, entry.mode), "chmod", shown);
  const { mtime, mtimeNs } = entry;
  check(utimesAt(directory, name, mtime, mtimeNs, mtime, mtimeNs), "utimensat", shown);
  return lost;
}
