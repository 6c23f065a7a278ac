import { UTIME_NOW, UTIME_OMIT } from "../sys/constants.js";
import type { FsStat, Stat } from "../sys/stat.js";
import type { Exchange } from "./exchange.js";
import type { Answer, Changes, FileSystem } from "./filesystem.js";
import { then } from "./handler.js";
import { Fattr, GETATTR_FH } from "./protocol.js";
import { statxReply } from "./replies.js";

export function getattr(x: Exchange, fs: FileSystem): Answer {
  const handle = (x.u32(0) & GETATTR_FH) !== 0 ? x.u64(8) : undefined;
  return then(fs.getattr(x.caller, x.node, handle, x.entry), () => attrReply(x));
}

export function setattr(x: Exchange, fs: FileSystem): Answer {
  const valid = x.u32(0);
  const has = (bit: number): boolean => (valid & bit) !== 0;
  const changes: Changes = x.changes;
  changes.handle = has(Fattr.FH) ? x.u64(8) : undefined;
  changes.size = has(Fattr.SIZE) ? x.u64(16) : undefined;
  changes.atime = has(Fattr.ATIME) ? x.i64(32) : undefined;
  changes.mtime = has(Fattr.MTIME) ? x.i64(40) : undefined;
  changes.atimeNs = time(has(Fattr.ATIME), has(Fattr.ATIME_NOW), x.u32(56));
  changes.mtimeNs = time(has(Fattr.MTIME), has(Fattr.MTIME_NOW), x.u32(60));
  changes.mode = has(Fattr.MODE) ? x.u32(68) : undefined;
  changes.uid = has(Fattr.UID) ? x.u32(76) : undefined;
  changes.gid = has(Fattr.GID) ? x.u32(80) : undefined;
  changes.killPrivileges = has(Fattr.KILL_SUIDGID);
  return then(fs.setattr(x.caller, x.node, changes, x.entry), () => attrReply(x));
}

const time = (given: boolean, now: boolean, ns: number): number =>
  now ? UTIME_NOW : given ? ns : UTIME_OMIT;

function attrReply(x: Exchange): number {
  x.putAttrOut(0, x.entry.stat, x.entry.attrTimeout);
  return 0;
}

export function statx(x: Exchange, fs: FileSystem): Answer {
  const handle = (x.u32(0) & GETATTR_FH) !== 0 ? x.u64(8) : undefined;
  const stat: Stat = x.entry.stat;
  return then(fs.getattr(x.caller, x.node, handle, x.entry), () => statxReply(x, stat));
}

const fsStat: FsStat = {
  type: 0,
  bsize: 0,
  blocks: 0,
  bfree: 0,
  bavail: 0,
  files: 0,
  ffree: 0,
  namelen: 0,
  frsize: 0,
};

export function statfs(x: Exchange, fs: FileSystem): Answer {
  return then(fs.statfs(x.caller, x.node, fsStat), () => {
    [fsStat.blocks, fsStat.bfree, fsStat.bavail, fsStat.files, fsStat.ffree].forEach((v, i) => {
      x.put64(i * 8, v);
    });
    x.put32(40, fsStat.bsize);
    x.put32(44, fsStat.namelen);
    x.put32(48, fsStat.frsize);
    x.zero(52, 28);
    x.body = 80;
    return 0;
  });
}
