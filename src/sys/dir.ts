import { type RawName, rawFromBuffer } from "../base/bytes.js";
import { PATH_MAX } from "../base/limits.js";
import { AT_EMPTY_PATH, AT_FDCWD, AT_REMOVEDIR, AT_SYMLINK_FOLLOW } from "./constants.js";
import { ENOENT } from "./errno.js";
import { fault } from "./fault.js";
import { cFunction, result, retry } from "./ffi.js";
import { cname, cname2 } from "./scratch.js";

const cMkdirat = cFunction("int mkdirat(int, void *, unsigned int)");
const cUnlinkat = cFunction("int unlinkat(int, void *, int)");
const cRenameat2 = cFunction("int renameat2(int, void *, int, void *, unsigned int)");
const cLinkat = cFunction("int linkat(int, void *, int, void *, int)");
const cSymlinkat = cFunction("int symlinkat(void *, int, void *)");
const cReadlinkat = cFunction("int64_t readlinkat(int, void *, void *, size_t)");
const cMknodat = cFunction("int mknodat(int, void *, unsigned int, uint64_t)");
const cGetdents64 = cFunction("int64_t getdents64(int, void *, size_t)");

/** mkdirat(2); the mode is subject to this thread's umask */
export function makeDirAt(dirfd: number, name: RawName, mode: number): number {
  const failed = fault("mkdirat");
  return failed !== 0 ? failed : result(cMkdirat(dirfd, cname(name), mode));
}

/** unlinkat(2) of a non-directory */
export function unlinkAt(dirfd: number, name: RawName): number {
  const failed = fault("unlinkat");
  return failed !== 0 ? failed : result(cUnlinkat(dirfd, cname(name), 0));
}

/** unlinkat(2) of a directory */
export function removeDirAt(dirfd: number, name: RawName): number {
  const failed = fault("rmdir");
  return failed !== 0 ? failed : result(cUnlinkat(dirfd, cname(name), AT_REMOVEDIR));
}

/** renameat2(2). @param flags RENAME_* */
export function renameAt(from: number, name: RawName, to: number, toName: RawName, flags = 0): number {
  const failed = fault("renameat2");
  return failed !== 0 ? failed : result(cRenameat2(from, cname(name), to, cname2(toName), flags));
}

/** linkat(2) of a name, not following it */
export function linkAt(from: number, name: RawName, to: number, toName: RawName): number {
  const failed = fault("linkat");
  return failed !== 0 ? failed : result(cLinkat(from, cname(name), to, cname2(toName), 0));
}

/**
 * linkat(2) of an open file, O_PATH and O_TMPFILE included. Tries AT_EMPTY_PATH, which needs
 * CAP_DAC_READ_SEARCH, then the way through /proc, which does not (open(2)).
 */
export function linkFd(fd: number, to: number, toName: RawName): number {
  const failed = fault("linkat");
  if (failed !== 0) return failed;
  const code = result(cLinkat(fd, cname(""), to, cname2(toName), AT_EMPTY_PATH));
  if (code !== -2) return code;
  return result(cLinkat(AT_FDCWD, cname(`/proc/self/fd/${fd}`), to, cname2(toName), AT_SYMLINK_FOLLOW));
}

/** symlinkat(2) */
export function symlinkAt(target: RawName, dirfd: number, name: RawName): number {
  const failed = fault("symlinkat");
  return failed !== 0 ? failed : result(cSymlinkat(cname2(target), dirfd, cname(name)));
}

const linkTarget = Buffer.alloc(PATH_MAX);

/**
 * readlinkat(2)
 * @param name a link in dirfd, or "" when dirfd is an O_PATH descriptor of the link itself
 * @returns the target's bytes, or -errno
 */
export function readLinkAt(dirfd: number, name: RawName | ""): RawName | number {
  const failed = fault("readlinkat");
  if (failed !== 0) return failed;
  const length = result(cReadlinkat(dirfd, cname(name), linkTarget, linkTarget.length));
  return length < 0 ? length : rawFromBuffer(linkTarget, 0, length);
}

/** @returns a device number as the C library packs it (makedev(3)) */
export function makeDevice(major: number, minor: number): bigint {
  const [a, b] = [BigInt(major), BigInt(minor)];
  return ((a & 0xfffff000n) << 32n) | ((a & 0xfffn) << 8n) | ((b & 0xffffff00n) << 12n) | (b & 0xffn);
}

/** mknodat(2); mode with type bits, subject to this thread's umask */
export function makeNodeAt(dirfd: number, name: RawName, mode: number, major: number, minor: number): number {
  const failed = fault("mknodat");
  return failed !== 0 ? failed : result(cMknodat(dirfd, cname(name), mode, makeDevice(major, minor)));
}

/**
 * getdents64(2)
 * @param buffer is filled with struct linux_dirent64; read them with DirEntries
 * @returns bytes filled, 0 at the end, or -errno
 */
export function readDir(fd: number, buffer: Buffer): number {
  const failed = fault("getdents64");
  return failed !== 0 ? failed : retry(() => cGetdents64(fd, buffer, buffer.length));
}

/** A cursor over what readDir filled in. */
export class DirEntries {
  /** Inode number of the current entry. */
  ino = 0;
  /** DT_* of the current entry. */
  type = 0;
  name = "" as RawName;
  /** Where in the buffer the next entry starts, and where the current one does. */
  position = 0;
  start = 0;

  private readonly view: DataView;

  constructor(
    readonly buffer: Buffer,
    /** Bytes that are valid in buffer. */
    public length = 0,
  ) {
    this.view = new DataView(buffer.buffer, buffer.byteOffset, buffer.length);
  }

  /** Cookie (d_off) of the position after the current entry, as long as the buffer holds it; up to 63 bits, so not a number. */
  get next(): bigint {
    return this.view.getBigUint64(this.start + 8, true);
  }

  /** Steps to the next entry. @returns false at the end of the buffer */
  step(): boolean {
    if (this.position >= this.length) return false;
    const at = this.position;
    this.start = at;
    // A DataView's methods are compiled into the caller; a Buffer's check their arguments by functions that are called.
    const { buffer: b, view } = this;
    this.ino = view.getUint32(at, true) + view.getUint32(at + 4, true) * 4294967296;
    const record = view.getUint16(at + 16, true);
    this.type = b[at + 18]!;
    let end = at + 19;
    while (b[end] !== 0) end++;
    this.name = rawFromBuffer(b, at + 19, end);
    this.position = at + record;
    return true;
  }
}

/** Of listDir, which is at one directory at a time: a buffer for each would be collected with the garbage, and bring that about. */
const whole = new DirEntries(Buffer.alloc(65536));

/**
 * The entries of a whole directory but `.` and `..`, for callers that need them all at once. One that was removed after it
 * was opened has none, though getdents64(2) answers ENOENT: others may be at work in the same tree.
 * @returns the entries or -errno
 */
export function listDir(fd: number): { name: RawName; type: number; ino: number }[] | number {
  const entries: { name: RawName; type: number; ino: number }[] = [];
  for (;;) {
    const filled = readDir(fd, whole.buffer);
    if (filled === -ENOENT) return [];
    if (filled < 0) return filled;
    if (filled === 0) return entries;
    whole.position = 0;
    whole.length = filled;
    while (whole.step()) {
      const { name, type, ino } = whole;
      if (name !== "." && name !== "..") entries.push({ name, type, ino });
    }
  }
}

const cSeekDir = cFunction("int64_t lseek(int, int64_t, int)");

/** lseek(2) of a directory to a cookie that DirEntries.next gave. @returns 0 or -errno */
export function seekDir(fd: number, cookie: bigint): number {
  // A cookie of ext4 has 63 bits, and comes back as a bigint when it needs more than 53.
  return Math.min(0, Number(result(cSeekDir(fd, cookie, 0))));
}
