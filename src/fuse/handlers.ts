import type { RawName } from "../base/bytes.js";
import { MAX_IO, NAME_MAX, PATH_MAX, XATTR_SIZE_MAX } from "../base/limits.js";
import { EFBIG, EINVAL, ENAMETOOLONG, ENOSYS } from "../sys/errno.js";
import { getattr, setattr, statfs, statx } from "./attribute-handlers.js";
import { DirReply } from "./dir-reply.js";
import type { Exchange } from "./exchange.js";
import type { Answer, FileSystem } from "./filesystem.js";
import { type Handler, then } from "./handler.js";
import {
  ENTRY_OUT,
  FSYNC_FDATASYNC,
  OPEN_KILL_SUIDGID,
  Op,
  SETXATTR_ACL_KILL_SGID,
  WRITE_KILL_SUIDGID,
} from "./protocol.js";
import { entryReply, openReply } from "./replies.js";

/** A handler for requests whose body has at least so many bytes. */
interface Entry {
  readonly least: number;
  /** Where the body has 64-bit numbers that must be exact; one that is not is answered with `beyond`, else EINVAL. */
  readonly wide?: readonly number[];
  readonly beyond?: number;
  readonly handle: Handler;
}

/** @returns the name at offset, or -errno for what no file can be called */
function name(x: Exchange, offset: number): RawName | number {
  const text = x.text(offset);
  if (text === undefined || text === "" || text === "." || text === ".." || text.includes("/"))
    return -EINVAL;
  return text.length > NAME_MAX ? -ENAMETOOLONG : text;
}

function withName(x: Exchange, offset: number, work: (name: RawName) => Answer): Answer {
  const text = name(x, offset);
  return typeof text === "number" ? text : work(text);
}

const data =
  (x: Exchange) =>
  (length: number): number => {
    x.body = length;
    return 0;
  };

/** xattr calls: with room 0 the length alone is answered. */
function xattrReply(x: Exchange, room: number, answer: Answer): Answer {
  return then(answer, (length) => {
    if (room > 0) {
      x.body = length;
      return 0;
    }
    x.put32(0, length);
    x.put32(4, 0);
    x.body = 8;
    return 0;
  });
}

function rename(x: Exchange, fs: FileSystem, header: number, flags: number): Answer {
  return withName(x, header, (from) =>
    withName(x, x.nameEnd, (to) => fs.rename(x.caller, x.node, from, x.u64(0), to, flags)),
  );
}

function readdir(x: Exchange, fs: FileSystem, plus: boolean): Answer {
  const sink = new DirReply(x, Math.min(x.u32(16), MAX_IO), plus);
  return then(fs.readdir(x.caller, x.node, x.big(8), sink), () => {
    x.body = sink.used;
    return 0;
  });
}

function create(x: Exchange, fs: FileSystem): Answer {
  x.caller.umask = x.u32(8);
  const kill = (x.u32(12) & OPEN_KILL_SUIDGID) !== 0;
  return withName(x, 16, (text) =>
    then(fs.create(x.caller, x.node, text, openFlags(x.u32(0)), x.u32(4), kill, x.entry, x.opened), () => {
      entryReply(x);
      return openReply(x, ENTRY_OUT);
    }),
  );
}

function tmpfile(x: Exchange, fs: FileSystem): Answer {
  x.caller.umask = x.u32(8);
  return then(fs.tmpfile(x.caller, x.node, openFlags(x.u32(0)), x.u32(4), x.entry, x.opened), () => {
    entryReply(x);
    return openReply(x, ENTRY_OUT);
  });
}

const O_CREAT_NOCTTY = 0o500;
/** O_EXCL stays for create and tmpfile: O_TMPFILE | O_EXCL forbids a later link. */
const openFlags = (flags: number): number => flags & ~O_CREAT_NOCTTY;

function write(x: Exchange, fs: FileSystem): Answer {
  const size = x.u32(16);
  if (size > x.size - 40) return -EINVAL;
  const kill = (x.u32(20) & WRITE_KILL_SUIDGID) !== 0;
  return then(fs.write(x.caller, x.node, x.u64(0), x.u64(8), x.data, size, x.u32(32), kill), (count) => {
    x.put32(0, count);
    x.put32(4, 0);
    x.body = 8;
    return 0;
  });
}

function setxattr(x: Exchange, fs: FileSystem): Answer {
  // 16 bytes with SETXATTR_EXT, which every kernel from 5.12 on negotiates; 8 before.
  const header = x.extendedXattr ? 16 : 8;
  const size = x.u32(0);
  const text = x.text(header);
  if (text === undefined || text === "") return -EINVAL;
  if (size > XATTR_SIZE_MAX || x.nameEnd + size > x.size) return -EINVAL;
  const killSgid = x.extendedXattr && (x.u32(8) & SETXATTR_ACL_KILL_SGID) !== 0;
  return fs.setxattr(x.caller, x.node, text, x.bytes(x.nameEnd, size), x.u32(4), killSgid);
}

function copyRange(x: Exchange, fs: FileSystem, wide: boolean): Answer {
  const answer = fs.copyFileRange(
    x.caller,
    x.node,
    x.u64(0),
    x.u64(8),
    x.u64(16),
    x.u64(24),
    x.u64(32),
    x.u64(40),
  );
  return then(answer, (count) => {
    if (wide) x.put64(0, count);
    else {
      x.put32(0, count);
      x.put32(4, 0);
    }
    x.body = 8;
    return 0;
  });
}

const made = (x: Exchange, answer: Answer): Answer => then(answer, () => entryReply(x));
const room = (x: Exchange, offset: number): number => Math.min(x.u32(offset), MAX_IO);

function link(x: Exchange, fs: FileSystem): Answer {
  return withName(x, 8, (text) => made(x, fs.link(x.caller, x.u64(0), x.node, text, x.entry)));
}

function symlink(x: Exchange, fs: FileSystem): Answer {
  return withName(x, 0, (text) => {
    const target = x.text(x.nameEnd);
    if (target === undefined || target.length >= PATH_MAX) return -EINVAL;
    return made(x, fs.symlink(x.caller, x.node, text, target, x.entry));
  });
}

function mknod(x: Exchange, fs: FileSystem): Answer {
  x.caller.umask = x.u32(8);
  return withName(x, 16, (text) => made(x, fs.mknod(x.caller, x.node, text, x.u32(0), x.u32(4), x.entry)));
}

function mkdir(x: Exchange, fs: FileSystem): Answer {
  x.caller.umask = x.u32(4);
  return withName(x, 8, (text) => made(x, fs.mkdir(x.caller, x.node, text, x.u32(0), x.entry)));
}

function open(x: Exchange, fs: FileSystem): Answer {
  const kill = (x.u32(4) & OPEN_KILL_SUIDGID) !== 0;
  return then(fs.open(x.caller, x.node, openFlags(x.u32(0)), kill, x.opened), () => openReply(x, 0));
}

function read(x: Exchange, fs: FileSystem): Answer {
  return then(fs.read(x.caller, x.node, x.u64(0), x.u64(8), room(x, 16), x.u32(32), x.out), data(x));
}

function getxattr(x: Exchange, fs: FileSystem): Answer {
  const text = x.text(8);
  if (text === undefined || text === "") return -EINVAL;
  return xattrReply(x, x.u32(0), fs.getxattr(x.caller, x.node, text, room(x, 0), x.out));
}

function fsync(x: Exchange, fs: FileSystem): Answer {
  return fs.fsync(x.caller, x.node, x.u64(0), (x.u32(8) & FSYNC_FDATASYNC) !== 0);
}

function fallocate(x: Exchange, fs: FileSystem): Answer {
  return fs.fallocate(x.caller, x.node, x.u64(0), x.u32(24), x.u64(8), x.u64(16));
}

function lseek(x: Exchange, fs: FileSystem): Answer {
  return then(fs.lseek(x.caller, x.node, x.u64(0), x.i64(8), x.u32(16)), (offset) => {
    x.put64(0, offset);
    x.body = 8;
    return 0;
  });
}

const refuse: Handler = () => -ENOSYS;

/** By opcode. Housekeeping (INIT, FORGET, INTERRUPT …) is the session's own. */
export const handlers: ReadonlyMap<number, Entry> = new Map<number, Entry>([
  [
    Op.LOOKUP,
    { least: 2, handle: (x, fs) => withName(x, 0, (n) => made(x, fs.lookup(x.caller, x.node, n, x.entry))) },
  ],
  [Op.GETATTR, { least: 16, handle: getattr }],
  [Op.SETATTR, { least: 88, wide: [16], beyond: EFBIG, handle: setattr }],
  [Op.READLINK, { least: 0, handle: (x, fs) => then(fs.readlink(x.caller, x.node, x.out), data(x)) }],
  [Op.SYMLINK, { least: 4, handle: symlink }],
  [Op.MKNOD, { least: 18, handle: mknod }],
  [Op.MKDIR, { least: 10, handle: mkdir }],
  [Op.UNLINK, { least: 2, handle: (x, fs) => withName(x, 0, (n) => fs.unlink(x.caller, x.node, n)) }],
  [Op.RMDIR, { least: 2, handle: (x, fs) => withName(x, 0, (n) => fs.rmdir(x.caller, x.node, n)) }],
  [Op.RENAME, { least: 12, handle: (x, fs) => rename(x, fs, 8, 0) }],
  [Op.RENAME2, { least: 20, handle: (x, fs) => rename(x, fs, 16, x.u32(8)) }],
  [Op.LINK, { least: 10, handle: link }],
  [Op.OPEN, { least: 8, handle: open }],
  [Op.READ, { least: 40, wide: [0, 8], handle: read }],
  [Op.WRITE, { least: 40, wide: [0, 8], beyond: EFBIG, handle: write }],
  [Op.STATFS, { least: 0, handle: statfs }],
  [Op.FSYNC, { least: 16, handle: fsync }],
  [
    Op.FSYNCDIR,
    { least: 16, handle: (x, fs) => fs.fsyncdir(x.caller, x.node, (x.u32(8) & FSYNC_FDATASYNC) !== 0) },
  ],
  [Op.SETXATTR, { least: 10, handle: setxattr }],
  [Op.GETXATTR, { least: 10, handle: getxattr }],
  [
    Op.LISTXATTR,
    {
      least: 8,
      handle: (x, fs) => xattrReply(x, x.u32(0), fs.listxattr(x.caller, x.node, room(x, 0), x.out)),
    },
  ],
  [Op.REMOVEXATTR, { least: 2, handle: removexattr }],
  [Op.READDIR, { least: 40, handle: (x, fs) => readdir(x, fs, false) }],
  [Op.READDIRPLUS, { least: 40, handle: (x, fs) => readdir(x, fs, true) }],
  [Op.CREATE, { least: 18, handle: create }],
  [Op.TMPFILE, { least: 16, handle: tmpfile }],
  [Op.FALLOCATE, { least: 32, wide: [0, 8, 16], beyond: EFBIG, handle: fallocate }],
  [Op.LSEEK, { least: 24, wide: [0], handle: lseek }],
  [Op.COPY_FILE_RANGE, { least: 56, wide: [0, 8, 16, 24, 32], handle: (x, fs) => copyRange(x, fs, false) }],
  [Op.COPY_FILE_RANGE_64, { least: 56, wide: [0, 8, 16, 24, 32], handle: (x, fs) => copyRange(x, fs, true) }],
  [Op.SYNCFS, { least: 8, handle: (x, fs) => fs.syncfs(x.caller, x.node) }],
  [Op.STATX, { least: 24, handle: statx }],
  // ENOSYS once, and the kernel does without: access is checked by default_permissions, nothing happens at
  // flush, and directories are listed without handles.
  [Op.ACCESS, { least: 0, handle: refuse }],
  [Op.FLUSH, { least: 0, handle: refuse }],
  [Op.OPENDIR, { least: 0, handle: refuse }],
  [Op.RELEASEDIR, { least: 0, handle: () => 0 }],
]);

function removexattr(x: Exchange, fs: FileSystem): Answer {
  const text = x.text(0);
  return text === undefined || text === "" ? -EINVAL : fs.removexattr(x.caller, x.node, text);
}
