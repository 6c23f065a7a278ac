import { printable, type RawName } from "../../base/bytes.js";
import { log } from "../../base/log.js";
import { S_IFLNK, S_IFMT } from "../../sys/constants.js";
import { ENODATA, EOPNOTSUPP, EPERM, ERANGE } from "../../sys/errno.js";
import { check, checkPath } from "../../sys/error.js";
import { chmodFd, chmodPath, chownAt, type Stat, utimesAt, utimesFd } from "../../sys/stat.js";
import {
  fgetXattr,
  flistXattr,
  fremoveXattr,
  fsetXattr,
  lgetXattr,
  llistXattr,
  lsetXattr,
} from "../../sys/xattr.js";

const trace = log("copy");
/** Longest value of an extended attribute, and of the list of their names (xattr(7)). */
const MOST_XATTR = 65536;
const names = Buffer.alloc(MOST_XATTR);
const value = Buffer.alloc(MOST_XATTR);
const ACCESS_ACL = "system.posix_acl_access" as RawName;
const DEFAULT_ACL = "system.posix_acl_default" as RawName;
/** Tags of ACL entries (linux/posix_acl.h). */
const ACL_USER_OBJ = 1;
const ACL_GROUP_OBJ = 4;
const ACL_MASK = 0x10;
const ACL_OTHER = 0x20;
const isRoot = process.geteuid?.() === 0;

/** Calls that read and write the extended attributes of one file. */
interface XattrCalls {
  get(name: RawName): number;
  set(name: RawName, size: number): number;
}

/**
 * Copies owner, extended attributes (ACLs and capabilities among them), times and, last of all, mode, in the order in which
 * none undoes another: chown(2) clears capabilities and suid, and attributes change no times. The mode takes away the mark
 * of what is not copied yet (pending.ts), so everything else must be there before.
 * @param from, to descriptors of regular files or directories
 * @param stat of `from`
 * @param mark mode that `to` has until then
 * @param isOwned whether `to` is known to have the right owner already
 * @throws SysError
 */
export function copyAttributes(
  from: number,
  to: number,
  stat: Readonly<Stat>,
  mark: number,
  isOwned: boolean,
  path: RawName | "",
): void {
  if (!isOwned) own(chownAt(to, "", stat.uid, stat.gid), path);
  const length = flistXattr(from, names, MOST_XATTR);
  if (hasXattrs(length, path)) {
    const calls: XattrCalls = {
      get: (name) => fgetXattr(from, name, value, MOST_XATTR),
      set: (name, size) => {
        if (name === ACCESS_ACL) keepMode(value, size, mark);
        return fsetXattr(to, name, value, size, 0);
      },
    };
    copyXattrs(length, calls, path);
  }
  checkPath(utimesFd(to, stat.atime, stat.atimeNs, stat.mtime, stat.mtimeNs), "futimens", path);
  checkPath(chmodFd(to, stat.mode & 0o7777), "fchmod", path);
}

/** Removes ACLs that a directory has inherited, so that it hands none on. Where there are none, nothing happens. */
export function dropAcls(fd: number, path: string): void {
  for (const name of [DEFAULT_ACL, ACCESS_ACL]) {
    const code = fremoveXattr(fd, name);
    if (code !== -ENODATA && code !== -EOPNOTSUPP) check(code, `removexattr ${name}`, path);
  }
}

/**
 * An ACL sets the permission bits of the mode, and chmod(2) those entries of the ACL that are in the mode (acl(5)): so an
 * ACL with the entries of the mark keeps the mark, and the chmod that takes that away makes it what it is in the source.
 * @param acl struct posix_acl_xattr_header and entries (linux/posix_acl_xattr.h)
 */
function keepMode(acl: Buffer, size: number, mark: number): void {
  let mask = -1;
  for (let at = 4; at + 8 <= size; at += 8) {
    const tag = acl.readUInt16LE(at);
    if (tag === ACL_USER_OBJ) acl.writeUInt16LE((mark >> 6) & 7, at + 2);
    if (tag === ACL_OTHER) acl.writeUInt16LE(mark & 7, at + 2);
    if (tag === ACL_MASK || (tag === ACL_GROUP_OBJ && mask < 0)) mask = at;
  }
  if (mask >= 0) acl.writeUInt16LE((mark >> 3) & 7, mask + 2);
}

/**
 * As copyAttributes, for what is not opened: symbolic links, devices, fifos and sockets.
 * @param fromDir, name what is copied
 * @param toDir, toName the copy
 */
export function copyAttributesAt(
  fromDir: number,
  name: RawName,
  toDir: number,
  toName: RawName,
  stat: Readonly<Stat>,
  isOwned: boolean,
  path: RawName | "",
): void {
  if (!isOwned) own(chownAt(toDir, toName, stat.uid, stat.gid), path);
  const source = `/proc/self/fd/${fromDir}/${name}` as RawName;
  const target = `/proc/self/fd/${toDir}/${toName}` as RawName;
  const length = llistXattr(source, names, MOST_XATTR);
  if (hasXattrs(length, path)) {
    const calls: XattrCalls = {
      get: (attribute) => lgetXattr(source, attribute, value, MOST_XATTR),
      set: (attribute, size) => lsetXattr(target, attribute, value, size, 0),
    };
    copyXattrs(length, calls, path);
  }
  if ((stat.mode & S_IFMT) !== S_IFLNK) checkPath(chmodPath(target, stat.mode & 0o7777), "chmod", path);
  const code = utimesAt(toDir, toName, stat.atime, stat.atimeNs, stat.mtime, stat.mtimeNs);
  checkPath(code, "utimensat", path);
}

/** Only root can give files away; for others what they make is theirs, as with cp(1). */
function own(code: number, path: RawName | ""): void {
  if (code === -EPERM && !isRoot) return;
  checkPath(code, "chown", path);
}

/** @param length what asking for their names has answered */
function hasXattrs(length: number, path: RawName | ""): boolean {
  return length !== -EOPNOTSUPP && checkPath(length, "listxattr", path) > 0;
}

/** @param length of the list of their names */
function copyXattrs(length: number, calls: XattrCalls, path: RawName | ""): void {
  for (const name of names.latin1Slice(0, length).split("\0") as RawName[]) {
    if (name === "") continue;
    const size = calls.get(name);
    // Gone meanwhile, or one that the file system only shows.
    if (size === -ENODATA) continue;
    checkPath(size === -ERANGE ? -EOPNOTSUPP : size, `getxattr ${name}`, path);
    const code = calls.set(name, size);
    if (code === -EOPNOTSUPP || (code === -EPERM && !isRoot))
      trace("%s: %s is not copied", printable(path as RawName), name);
    else checkPath(code, `setxattr ${name}`, path);
  }
}
