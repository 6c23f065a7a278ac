import type { RawName } from "../../base/bytes.js";
import { readForeign, readForeignName, writeForeign } from "../../sys/foreign.js";
import type { FsStat, Stat } from "../../sys/stat.js";

/**
 * The structure in which fuse-native 2.2.6 keeps a request of libfuse (fuse_thread_locals_t in its fuse-native.c, LP64).
 * It is passed to every handler as a buffer, with all that the arguments lose: paths as bytes, flags of create, both
 * times of utimens. Pointers in it lead into the waiting libfuse thread and are good until the request is answered.
 */
export type Request = Buffer;

const FIELD = {
  path: 24,
  dest: 32,
  linkname: 40,
  info: 48,
  buf: 56,
  offset: 64,
  len: 72,
  mode: 80,
  dev: 88,
  uid: 96,
  gid: 100,
  atime: 104,
  mtime: 112,
  name: 128,
  value: 136,
  list: 144,
  size: 152,
  flags: 164,
  stat: 168,
  statvfs: 176,
  filler: 184,
} as const;

type Field = keyof typeof FIELD;
/** Least size of the structure, its semaphore and handle included. */
export const REQUEST_BYTES = 232;

const u32 = (request: Request, field: Field): number => request.readUInt32LE(FIELD[field]);
/** Addresses, offsets and sizes: never beyond 2^53. */
const word = (request: Request, field: Field): number => Number(request.readBigInt64LE(FIELD[field]));

/** The path, below the mountpoint and without its first slash; "" is the root. */
export function pathOf(request: Request): RawName {
  return readForeignName(word(request, "path") + 1);
}

/** The second path of rename, link and symlink. */
export function destinationOf(request: Request): RawName {
  return readForeignName(word(request, "dest") + 1);
}

/** What a symbolic link is to lead to, which stands where others have their path. */
export function targetOf(request: Request): RawName {
  return readForeignName(word(request, "path"));
}

/** Name of an extended attribute. */
export function attributeOf(request: Request): RawName {
  return readForeignName(word(request, "name"));
}

export const modeOf = (request: Request): number => u32(request, "mode");
export const deviceOf = (request: Request): number => u32(request, "dev");
export const offsetOf = (request: Request): number => word(request, "offset");
export const lengthOf = (request: Request): number => word(request, "len");
/** Address of the data of a read or write. */
export const dataAddressOf = (request: Request): number => word(request, "buf");
/** Room for, or length of, the value of an extended attribute. */
export const sizeOf = (request: Request): number => word(request, "size");
export const valueAddressOf = (request: Request): number => word(request, "value");
export const listAddressOf = (request: Request): number => word(request, "list");
/** XATTR_CREATE, XATTR_REPLACE or 0. */
export const xattrFlagsOf = (request: Request): number => request.readInt32LE(FIELD.flags);
/** -1 keeps the owner. */
export const ownerOf = (request: Request): { uid: number; gid: number } => ({
  uid: u32(request, "uid"),
  gid: u32(request, "gid"),
});
/** Access and modification time in milliseconds since the epoch. */
export const timesOf = (request: Request): { atime: number; mtime: number } => ({
  atime: word(request, "atime"),
  mtime: word(request, "mtime"),
});

// struct fuse_file_info (fuse_common.h of libfuse 2.9): flags at 0, bits direct_io and keep_cache at 20, fh at 24.
const INFO_BYTES = 40;
const info = Buffer.alloc(INFO_BYTES);

/** How a file is opened or created, and by which handle it was. */
export function fileInfoOf(request: Request): { flags: number; handle: number } {
  readForeign(info, word(request, "info"));
  return { flags: info.readInt32LE(0), handle: Number(info.readBigUInt64LE(24)) };
}

/**
 * Answers open and create.
 * @param flags FOPEN_DIRECT_IO and FOPEN_KEEP_CACHE, whose bits are the same here; others are left out
 */
export function putOpened(request: Request, handle: number, flags: number): void {
  const address = word(request, "info");
  readForeign(info, address);
  info.writeUInt8(info.readUInt8(20) | (flags & 3), 20);
  info.writeBigUInt64LE(BigInt(handle), 24);
  writeForeign(address, info);
}

const stat = Buffer.alloc(144);

/** struct stat of x86-64 (asm/stat.h). */
function encodeStat(from: Readonly<Stat>): Buffer {
  stat.fill(0);
  stat.writeBigUInt64LE(BigInt(from.ino), 8);
  stat.writeBigUInt64LE(BigInt(from.nlink), 16);
  stat.writeUInt32LE(from.mode, 24);
  stat.writeUInt32LE(from.uid, 28);
  stat.writeUInt32LE(from.gid, 32);
  // libfuse hands on the low 32 bits, in which the kernel has its own packing of a device number (new_encode_dev).
  const { rdevMajor: major, rdevMinor: minor } = from;
  stat.writeUInt32LE(((minor & 0xff) | (major << 8) | ((minor & ~0xff) << 12)) >>> 0, 40);
  stat.writeBigInt64LE(BigInt(from.size), 48);
  stat.writeBigInt64LE(BigInt(from.blksize), 56);
  stat.writeBigInt64LE(BigInt(from.blocks), 64);
  stat.writeBigInt64LE(BigInt(from.atime), 72);
  stat.writeBigInt64LE(BigInt(from.atimeNs), 80);
  stat.writeBigInt64LE(BigInt(from.mtime), 88);
  stat.writeBigInt64LE(BigInt(from.mtimeNs), 96);
  stat.writeBigInt64LE(BigInt(from.ctime), 104);
  stat.writeBigInt64LE(BigInt(from.ctimeNs), 112);
  return stat;
}

/** Answers getattr, to the nanosecond. */
export function putStat(request: Request, from: Readonly<Stat>): void {
  writeForeign(word(request, "stat"), encodeStat(from));
}

const statvfs = Buffer.alloc(112);

/** Answers statfs. */
export function putStatfs(request: Request, from: Readonly<FsStat>): void {
  const { bsize, frsize, blocks, bfree, bavail, files, ffree, namelen } = from;
  statvfs.fill(0);
  [bsize, frsize || bsize, blocks, bfree, bavail, files, ffree, ffree].forEach((value, index) => {
    statvfs.writeBigUInt64LE(BigInt(value), index * 8);
  });
  statvfs.writeBigUInt64LE(BigInt(namelen), 80);
  writeForeign(word(request, "statvfs"), statvfs);
}

/** Answers readlink. @param target NUL included; cut where libfuse has no room for it */
export function putLink(request: Request, target: Buffer, length: number): void {
  const room = lengthOf(request);
  const fits = Math.min(length, room - 1);
  target[fits] = 0;
  writeForeign(word(request, "linkname"), target, fits + 1);
}

/** Where a listing goes: fuse_fill_dir_t and its first argument. */
export interface Filler {
  readonly function: number;
  readonly buffer: number;
}

export const fillerOf = (request: Request): Filler => ({
  function: word(request, "filler"),
  buffer: word(request, "buf"),
});

const dirent = Buffer.alloc(144);

/** The struct stat of a directory entry, of which libfuse takes the inode number and the type. */
export function encodeDirent(ino: number, mode: number): Buffer {
  dirent.writeBigUInt64LE(BigInt(ino), 8);
  dirent.writeUInt32LE(mode, 24);
  return dirent;
}
