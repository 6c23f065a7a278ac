import { type RawName, rawJoin } from "../../base/bytes.js";
import { XATTR_SIZE_MAX } from "../../base/limits.js";
import { S_IFBLK, S_IFCHR, S_IFDIR, S_IFLNK, S_IFMT } from "../../sys/constants.js";
import { readLinkAt } from "../../sys/dir.js";
import { ENODATA, EOPNOTSUPP } from "../../sys/errno.js";
import { check } from "../../sys/error.js";
import { fdPath } from "../../sys/file.js";
import type { Stat } from "../../sys/stat.js";
import { lgetXattr, llistXattr } from "../../sys/xattr.js";
import type { FilePair } from "./content.js";

const values = [Buffer.alloc(XATTR_SIZE_MAX), Buffer.alloc(XATTR_SIZE_MAX)] as const;

/** Whether what stat(2) says is the same: type, permission bits, owner, and of all but directories size, time and device. */
export function sameStat(a: Readonly<Stat>, b: Readonly<Stat>): boolean {
  if (a.mode !== b.mode || a.uid !== b.uid || a.gid !== b.gid) return false;
  const type = a.mode & S_IFMT;
  if (type === S_IFDIR) return true;
  if (a.size !== b.size || a.mtime !== b.mtime || a.mtimeNs !== b.mtimeNs) return false;
  const isDevice = type === S_IFCHR || type === S_IFBLK;
  return !isDevice || (a.rdevMajor === b.rdevMajor && a.rdevMinor === b.rdevMinor);
}

/** Whether the extended attributes of all namespaces are the same, ACLs and capabilities among them. @throws SysError */
export function sameXattrs(pair: FilePair): boolean {
  const before = pathOf(pair.before, pair.name);
  const after = pathOf(pair.after, pair.name);
  const names = [list(before, values[0], pair.path), list(after, values[1], pair.path)] as const;
  if (names[0].length !== names[1].length || names[0].some((name, i) => name !== names[1][i])) return false;
  return names[0].every((name) => {
    const length = value(before, name, values[0], pair.path);
    if (value(after, name, values[1], pair.path) !== length) return false;
    return values[0].compare(values[1], 0, length, 0, length) === 0;
  });
}

/** Whether two symbolic links lead to the same path; other types do. */
export function sameTarget(pair: FilePair, stat: Readonly<Stat>): boolean {
  if ((stat.mode & S_IFMT) !== S_IFLNK) return true;
  return readLinkAt(pair.before, pair.name) === readLinkAt(pair.after, pair.name);
}

function pathOf(dirfd: number, name: RawName): RawName {
  return rawJoin(fdPath(dirfd), name === "" ? "." : name);
}

function list(path: RawName, buffer: Buffer, shown: string): RawName[] {
  const length = llistXattr(path, buffer, buffer.length);
  if (length === -EOPNOTSUPP || length === 0) return [];
  check(length, "listxattr", shown);
  return buffer
    .latin1Slice(0, length)
    .split("\0")
    .filter((name) => name !== "")
    .sort() as RawName[];
}

function value(path: RawName, name: RawName, buffer: Buffer, shown: string): number {
  const length = lgetXattr(path, name, buffer, buffer.length);
  // Gone meanwhile, or one that the file system only shows.
  return length === -ENODATA || length === -EOPNOTSUPP ? 0 : check(length, `getxattr ${name}`, shown);
}
