import type { RawName } from "../base/bytes.js";
import { AT_EMPTY_PATH, AT_SYMLINK_NOFOLLOW, S_IFDIR, S_IFMT } from "./constants.js";
import { fault } from "./fault.js";
import { cFunction, result, retry } from "./ffi.js";
import { cname } from "./scratch.js";

const cStatx = cFunction("int statx(int, void *, int, unsigned int, void *)");
const cUtimensat = cFunction("int utimensat(int, void *, void *, int)");
const cFutimens = cFunction("int futimens(int, void *)");
const cFchmod = cFunction("int fchmod(int, unsigned int)");
const cChmod = cFunction("int chmod(void *, unsigned int)");
const cFchmodat = cFunction("int fchmodat(int, void *, unsigned int, int)");
const cFchownat = cFunction("int fchownat(int, void *, unsigned int, unsigned int, int)");
const cFstatfs = cFunction("int fstatfs(int, void *)");

/** Basic fields, birth time and mount id (linux/stat.h). */
const STATX_MASK = 0x7ff | 0x800 | 0x1000;
const STATX_MNT_ID_UNIQUE = 0x4000;

/** File attributes as statx(2) gives them; fields are plain numbers, times whole seconds and nanoseconds. */
export class Stat {
  mask = 0;
  blksize = 0;
  attributes = 0;
  nlink = 0;
  uid = 0;
  gid = 0;
  mode = 0;
  ino = 0;
  size = 0;
  /** In units of 512 bytes. */
  blocks = 0;
  atime = 0;
  atimeNs = 0;
  btime = 0;
  btimeNs = 0;
  ctime = 0;
  ctimeNs = 0;
  mtime = 0;
  mtimeNs = 0;
  rdevMajor = 0;
  rdevMinor = 0;
  devMajor = 0;
  devMinor = 0;
  mountId = 0;

  get isDirectory(): boolean {
    return (this.mode & S_IFMT) === S_IFDIR;
  }

  /** Device of the file system in one number. */
  get dev(): number {
    return this.devMajor * 2 ** 20 + this.devMinor;
  }

  /** Takes over all fields of another. */
  assign(other: Readonly<Stat>): void {
    Object.assign(this, other);
  }
}

/** Seconds that a stamp keeps of a time, so that it is exact to the nanosecond in a double. */
const STAMP_SECONDS = 2 ** 22;

/** @returns a time in one number, to be compared for equality: it is the same again every 48 days */
export function stamp(seconds: number, nanoseconds: number): number {
  return (seconds % STAMP_SECONDS) * 1e9 + nanoseconds;
}

/** @returns how many ms ago a file was changed last */
export function changedAgo(stat: Readonly<Stat>): number {
  return Date.now() - stat.ctime * 1000 - stat.ctimeNs / 1e6;
}

const raw = Buffer.alloc(256);
const words = new Uint32Array(raw.buffer, raw.byteOffset, 64);
const signed = new Int32Array(raw.buffer, raw.byteOffset, 64);

const u64 = (word: number): number => words[word]! + words[word + 1]! * 4294967296;
const s64 = (word: number): number => words[word]! + signed[word + 1]! * 4294967296;

/**
 * statx(2); never follows a final symbolic link.
 * @param out is filled on success
 * @param dirfd directory, or the file itself when name is ""
 * @returns 0 or -errno
 */
export function statAt(out: Stat, dirfd: number, name: RawName | ""): number {
  const failed = fault("statx");
  if (failed !== 0) return failed;
  const flags = name === "" ? AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW : AT_SYMLINK_NOFOLLOW;
  const code = result(cStatx(dirfd, cname(name), flags, STATX_MASK, raw));
  if (code === 0) decode(out);
  return code;
}

/** Mount id that is never used again, or 0 where the kernel (before 6.8) has none. */
export function uniqueMountId(fd: number): number {
  const code = result(cStatx(fd, cname(""), AT_EMPTY_PATH, STATX_MNT_ID_UNIQUE, raw));
  return code === 0 && (words[0]! & STATX_MNT_ID_UNIQUE) !== 0 ? u64(36) : 0;
}

function decode(out: Stat): void {
  out.mask = words[0]!;
  out.blksize = words[1]!;
  out.attributes = words[2]!;
  out.nlink = words[4]!;
  out.uid = words[5]!;
  out.gid = words[6]!;
  out.mode = words[7]! & 0xffff;
  out.ino = u64(8);
  out.size = u64(10);
  out.blocks = u64(12);
  out.atime = s64(16);
  out.atimeNs = words[18]!;
  out.btime = s64(20);
  out.btimeNs = words[22]!;
  out.ctime = s64(24);
  out.ctimeNs = words[26]!;
  out.mtime = s64(28);
  out.mtimeNs = words[30]!;
  out.rdevMajor = words[32]!;
  out.rdevMinor = words[33]!;
  out.devMajor = words[34]!;
  out.devMinor = words[35]!;
  out.mountId = u64(36);
}

/** Two struct timespec, in words of 32 bits: a bigint would be made anew for each. */
const times = new Int32Array(8);
const timesBytes = new Uint8Array(times.buffer);

function setTimes(atime: number, atimeNs: number, mtime: number, mtimeNs: number): void {
  times[0] = atime;
  times[1] = Math.floor(atime / 4294967296);
  times[2] = atimeNs;
  times[4] = mtime;
  times[5] = Math.floor(mtime / 4294967296);
  times[6] = mtimeNs;
}

/** utimensat(2) without following a final link; nanoseconds may be UTIME_NOW or UTIME_OMIT. */
export function utimesAt(
  dirfd: number,
  name: RawName,
  atime: number,
  atimeNs: number,
  mtime: number,
  mtimeNs: number,
): number {
  const failed = fault("utimensat");
  if (failed !== 0) return failed;
  setTimes(atime, atimeNs, mtime, mtimeNs);
  return result(cUtimensat(dirfd, cname(name), timesBytes, AT_SYMLINK_NOFOLLOW));
}

/** As utimesAt, following links: meant for /proc/self/fd/N. */
export function utimesPath(
  path: string,
  atime: number,
  atimeNs: number,
  mtime: number,
  mtimeNs: number,
): number {
  const failed = fault("utimensat");
  if (failed !== 0) return failed;
  setTimes(atime, atimeNs, mtime, mtimeNs);
  return result(cUtimensat(-100, cname(path), timesBytes, 0));
}

/** futimens(3) on a descriptor that is open for I/O. */
export function utimesFd(fd: number, atime: number, atimeNs: number, mtime: number, mtimeNs: number): number {
  const failed = fault("utimensat");
  if (failed !== 0) return failed;
  setTimes(atime, atimeNs, mtime, mtimeNs);
  return result(cFutimens(fd, timesBytes));
}

/** fchmod(2); permission bits only. */
export function chmodFd(fd: number, mode: number): number {
  const failed = fault("fchmod");
  return failed !== 0 ? failed : result(cFchmod(fd, mode));
}

/** chmod(2), following links: meant for /proc/self/fd/N, which also serves O_PATH descriptors. */
export function chmodPath(path: string, mode: number): number {
  const failed = fault("fchmod");
  return failed !== 0 ? failed : result(cChmod(cname(path), mode));
}

/** fchmodat(2) that follows links, so only for names that were just made and cannot be links. */
export function chmodAt(dirfd: number, name: RawName, mode: number): number {
  const failed = fault("fchmod");
  return failed !== 0 ? failed : result(cFchmodat(dirfd, cname(name), mode, 0));
}

/** fchownat(2) without following; name "" means dirfd itself; -1 keeps an id. */
export function chownAt(dirfd: number, name: RawName | "", uid: number, gid: number): number {
  const failed = fault("fchown");
  if (failed !== 0) return failed;
  const flags = AT_SYMLINK_NOFOLLOW | (name === "" ? AT_EMPTY_PATH : 0);
  return result(cFchownat(dirfd, cname(name), uid >>> 0, gid >>> 0, flags));
}

/** Figures of a file system (statfs(2)). */
export interface FsStat {
  type: number;
  bsize: number;
  blocks: number;
  bfree: number;
  bavail: number;
  files: number;
  ffree: number;
  namelen: number;
  frsize: number;
}

const fsRaw = Buffer.alloc(256);

/**
 * fstatfs(2)
 * @param out is filled on success
 * @returns 0 or -errno
 */
export function statFs(out: FsStat, fd: number): number {
  const failed = fault("fstatfs");
  if (failed !== 0) return failed;
  const code = retry(() => cFstatfs(fd, fsRaw));
  if (code !== 0) return code;
  const at = (index: number): number => Number(fsRaw.readBigUInt64LE(index * 8));
  out.type = at(0);
  out.bsize = at(1);
  out.blocks = at(2);
  out.bfree = at(3);
  out.bavail = at(4);
  out.files = at(5);
  out.ffree = at(6);
  out.namelen = at(8);
  out.frsize = at(9);
  return 0;
}

/** File system types by their magic (linux/magic.h). */
export const EXT4_SUPER_MAGIC = 0xef53;
export const XFS_SUPER_MAGIC = 0x58465342;
export const BTRFS_SUPER_MAGIC = 0x9123683e;
export const OVERLAYFS_SUPER_MAGIC = 0x794c7630;
export const FUSE_SUPER_MAGIC = 0x65735546;
