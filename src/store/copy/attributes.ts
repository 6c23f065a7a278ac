import type { RawName } from "../../base/bytes.js";
import { log } from "../../base/log.js";
import { S_IFLNK, S_IFMT } from "../../sys/constants.js";
import { ENODATA, EOPNOTSUPP, EPERM, ERANGE } from "../../sys/errno.js";
import { check } from "../../sys/error.js";
import { chmodFd, chmodPath, chownAt, type Stat, utimesAt, utimesFd } from "../../sys/stat.js";
import { fgetXattr, flistXattr, fsetXattr, lgetXattr, llistXattr, lsetXattr } from "../../sys/xattr.js";

const trace = log("copy");
/** Longest value of an extended attribute, and of the list of their names (xattr(7)). */
const MOST_XATTR = 65536;
const names = Buffer.alloc(MOST_XATTR);
const value = Buffer.alloc(MOST_XATTR);
const isRoot = process.geteuid?.() === 0;

/** Calls that read and write the extended attributes of one file. */
interface XattrCalls {
  list(): number;
  get(name: RawName): number;
  set(name: RawName, size: number): number;
}

/**
 * Copies owner, extended attributes (ACLs and capabilities among them), mode and times, in the order in which none undoes
 * another: chown(2) clears capabilities and suid, an ACL changes the mode, everything changes times.
 * @param from, to descriptors of regular files or directories
 * @throws SysError
 */
export function copyAttributes(from: number, to: number, stat: Readonly<Stat>, path: string): void {
  own(chownAt(to, "", stat.uid, stat.gid), path);
  copyXattrs(
    {
      list: () => flistXattr(from, names, MOST_XATTR),
      get: (name) => fgetXattr(from, name, value, MOST_XATTR),
      set: (name, size) => fsetXattr(to, name, value, size, 0),
    },
    path,
  );
  check(chmodFd(to, stat.mode & 0o7777), "fchmod", path);
  check(utimesFd(to, stat.atime, stat.atimeNs, stat.mtime, stat.mtimeNs), "futimens", path);
}

/**
 * As copyAttributes, for what is not opened: symbolic links, devices, fifos and sockets.
 * @param fromDir, toDir directories that hold `name`
 */
export function copyAttributesAt(
  fromDir: number,
  toDir: number,
  name: RawName,
  stat: Readonly<Stat>,
  path: string,
): void {
  own(chownAt(toDir, name, stat.uid, stat.gid), path);
  const source = `/proc/self/fd/${fromDir}/${name}` as RawName;
  const target = `/proc/self/fd/${toDir}/${name}` as RawName;
  copyXattrs(
    {
      list: () => llistXattr(source, names, MOST_XATTR),
      get: (attribute) => lgetXattr(source, attribute, value, MOST_XATTR),
      set: (attribute, size) => lsetXattr(target, attribute, value, size, 0),
    },
    path,
  );
  if ((stat.mode & S_IFMT) !== S_IFLNK) check(chmodPath(target, stat.mode & 0o7777), "chmod", path);
  const code = utimesAt(toDir, name, stat.atime, stat.atimeNs, stat.mtime, stat.mtimeNs);
  check(code, "utimensat", path);
}

/** Only root can give files away; for others what they make is theirs, as with cp(1). */
function own(code: number, path: string): void {
  if (code === -EPERM && !isRoot) return;
  check(code, "chown", path);
}

function copyXattrs(calls: XattrCalls, path: string): void {
  const length = calls.list();
  if (length === -EOPNOTSUPP || length === 0) return;
  check(length, "listxattr", path);
  for (const name of names.latin1Slice(0, length).split("\0") as RawName[]) {
    if (name === "") continue;
    const size = calls.get(name);
    // Gone meanwhile, or one that the file system only shows.
    if (size === -ENODATA) continue;
    check(size === -ERANGE ? -EOPNOTSUPP : size, `getxattr ${name}`, path);
    const code = calls.set(name, size);
    if (code === -EOPNOTSUPP || (code === -EPERM && !isRoot)) trace("%s: %s is not copied", path, name);
    else check(code, `setxattr ${name}`, path);
  }
}
