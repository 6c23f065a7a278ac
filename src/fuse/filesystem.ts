import type { RawName } from "../base/bytes.js";
import type { FsStat, Stat } from "../sys/stat.js";

/**
 * What every handler answers: 0 or a positive count on success, -errno on failure. A promise of it
 * when the work is slow: the session goes on with other requests and replies when it resolves.
 * Everything that was passed to a handler (caller, out, buffers) stays its own until then.
 */
export type Answer = number | Promise<number>;

/** A node of the tree; the kernel's nodeid. Chosen by the file system, 1 is the root. */
export type NodeId = number;
export const ROOT_NODE: NodeId = 1;

/** Who asks (fuse_in_header). */
export interface Caller {
  readonly uid: number;
  readonly gid: number;
  readonly pid: number;
  /** Of create, mknod, mkdir and tmpfile requests. */
  readonly umask: number;
  /** An asynchronous handler sets this to be told of FUSE_INTERRUPT; called at most once. */
  onInterrupt: (() => void) | undefined;
}

/** Attributes of a node and for how long the kernel may keep them. */
export interface Attributes {
  /** `ino` is what users see. mode, nlink, times … as statx gives them. */
  readonly stat: Stat;
  /** Milliseconds. */
  attrTimeout: number;
}

/** Where a name leads. Answering it with `node` not 0 adds one to the node's lookup count. */
export interface Entry extends Attributes {
  /** 0 makes a negative entry, which the kernel keeps for entryTimeout. */
  node: NodeId;
  generation: number;
  /** Milliseconds. */
  entryTimeout: number;
}

/** How a file was opened. */
export interface Opened {
  /** The file system's own handle. */
  handle: number;
  /** FOPEN_* but PASSTHROUGH, which follows from backingId. */
  flags: number;
  /** From SessionControl.openBacking; 0 for none. */
  backingId: number;
}

/** What setattr changes; a field that is undefined stays. */
export interface Changes {
  mode: number | undefined;
  uid: number | undefined;
  gid: number | undefined;
  size: number | undefined;
  /** Seconds, and nanoseconds or UTIME_NOW / UTIME_OMIT. Undefined: untouched. */
  atime: number | undefined;
  atimeNs: number;
  mtime: number | undefined;
  mtimeNs: number;
  /** Handle through which it was asked (ftruncate …), or undefined. */
  handle: number | undefined;
  /** FATTR_KILL_SUIDGID: clear suid and sgid as a write of this caller would. */
  killPrivileges: boolean;
}

/** Memory with a stable address, as part of a request or reply. */
export interface IoArea {
  readonly address: number;
  readonly buffer: Buffer;
}

/** Takes directory entries until the reply is full. */
export interface DirSink {
  /** Whether entries with attributes (READDIRPLUS) are wanted. */
  readonly plus: boolean;
  /** @returns whether an entry with a name of so many bytes still fits */
  fits(nameLength: number): boolean;
  /**
   * Without attributes; in a READDIRPLUS reply the kernel will look it up when needed.
   * @param type DT_*
   * @param next cookie with which reading goes on after this entry
   * @returns false when it did not fit
   */
  add(name: RawName, ino: number, type: number, next: bigint): boolean;
  /** With attributes; adds one to entry.node's lookup count. Only when `plus`. */
  addPlus(name: RawName, entry: Entry, type: number, next: bigint): boolean;
}

/** What was negotiated with the kernel. */
export interface Features {
  /** Protocol minor version (7.x). */
  readonly minor: number;
  readonly passthrough: boolean;
  readonly killPrivV2: boolean;
  readonly readdirPlus: boolean;
  readonly noOpendir: boolean;
}

/** What a session waits for besides requests. */
export interface Attention {
  /** Becomes readable when something has come; -1 when nothing ever does. */
  readonly fd: number;
  /** Takes in what has come. @returns after how many ms it wants to be called again even if nothing comes, -1 for never */
  attend(): number;
}

/** What a file system may ask of its session. */
export interface SessionControl {
  readonly features: Features;
  /**
   * FUSE_DEV_IOC_BACKING_OPEN with the calling thread's present credentials.
   * @returns a backing id (> 0) or -errno. After EPERM (no CAP_SYS_ADMIN) features.passthrough is false.
   */
  openBacking(fd: number): number;
  /** FUSE_DEV_IOC_BACKING_CLOSE */
  closeBacking(id: number): void;
  /** Drops cached attributes (offset -1) or attributes and data from offset on. Never waits for a request. */
  invalidateInode(node: NodeId, offset: number, length: number): void;
  /**
   * Lets a cached name expire, so that it is looked up again at its next use. The kernel takes the directory's lock for it,
   * so another thread asks, and no answer to a request in that directory may wait for this one.
   */
  expireEntry(parent: NodeId, name: RawName): Promise<void>;
  /**
   * Handles the RELEASE, FORGET and FLUSH requests that the kernel has queued, and puts others aside, in order.
   * RENAME can overtake RELEASE (see facts on EBUSY), so a commit calls this before it is refused.
   */
  drainReleases(): void;
}

/**
 * A file system below nodes, as the kernel protocol sees it: written once, carried by every driver.
 * Names are bytes, handlers answer as `Answer` says. A handler that is missing is answered ENOSYS.
 */
export interface FileSystem {
  /** Once, after negotiation and before any other call. */
  init(control: SessionControl): void;
  /** Once, when the mount has gone: gives back every descriptor. */
  destroy(): void;

  lookup(caller: Caller, parent: NodeId, name: RawName, out: Entry): Answer;
  forget(node: NodeId, count: number): void;
  getattr(caller: Caller, node: NodeId, handle: number | undefined, out: Attributes): Answer;
  setattr(caller: Caller, node: NodeId, changes: Changes, out: Attributes): Answer;
  /** Writes the target to out. @returns its length */
  readlink(caller: Caller, node: NodeId, out: IoArea): Answer;

  mknod(caller: Caller, parent: NodeId, name: RawName, mode: number, rdev: number, out: Entry): Answer;
  mkdir(caller: Caller, parent: NodeId, name: RawName, mode: number, out: Entry): Answer;
  symlink(caller: Caller, parent: NodeId, name: RawName, target: RawName, out: Entry): Answer;
  link(caller: Caller, node: NodeId, parent: NodeId, name: RawName, out: Entry): Answer;
  unlink(caller: Caller, parent: NodeId, name: RawName): Answer;
  rmdir(caller: Caller, parent: NodeId, name: RawName): Answer;
  /** @param flags RENAME_* */
  rename(
    caller: Caller,
    parent: NodeId,
    name: RawName,
    toParent: NodeId,
    toName: RawName,
    flags: number,
  ): Answer;

  /**
   * @param flags O_* without O_CREAT, O_EXCL, O_NOCTTY
   * @param killPrivileges FUSE_OPEN_KILL_SUIDGID: O_TRUNC by someone who may not keep suid and sgid
   */
  open(caller: Caller, node: NodeId, flags: number, killPrivileges: boolean, out: Opened): Answer;
  /** @param killPrivileges as for open */
  create(
    caller: Caller,
    parent: NodeId,
    name: RawName,
    flags: number,
    mode: number,
    killPrivileges: boolean,
    out: Entry,
    opened: Opened,
  ): Answer;
  tmpfile(caller: Caller, parent: NodeId, flags: number, mode: number, out: Entry, opened: Opened): Answer;
  /** @returns bytes read into out; fewer than size only at the end of the file */
  read(
    caller: Caller,
    node: NodeId,
    handle: number,
    offset: number,
    size: number,
    flags: number,
    out: IoArea,
  ): Answer;
  /** @param killPrivileges FUSE_WRITE_KILL_SUIDGID. @returns bytes written */
  write(
    caller: Caller,
    node: NodeId,
    handle: number,
    offset: number,
    data: IoArea,
    size: number,
    flags: number,
    killPrivileges: boolean,
  ): Answer;
  /** The last reference to the handle has gone. */
  release(node: NodeId, handle: number): void;
  fsync(caller: Caller, node: NodeId, handle: number, dataOnly: boolean): Answer;
  /** Handles are 0 where opendir is answered ENOSYS. */
  fsyncdir(caller: Caller, node: NodeId, dataOnly: boolean): Answer;
  /** @param offset 0 or the `next` of the last entry that was handed out */
  readdir(caller: Caller, node: NodeId, offset: bigint, sink: DirSink): Answer;
  fallocate(
    caller: Caller,
    node: NodeId,
    handle: number,
    mode: number,
    offset: number,
    length: number,
  ): Answer;
  /** @returns the offset found. @param whence SEEK_DATA or SEEK_HOLE */
  lseek(caller: Caller, node: NodeId, handle: number, offset: number, whence: number): Answer;
  /** @returns bytes copied */
  copyFileRange(
    caller: Caller,
    node: NodeId,
    handle: number,
    offset: number,
    toNode: NodeId,
    toHandle: number,
    toOffset: number,
    length: number,
  ): Answer;
  statfs(caller: Caller, node: NodeId, out: FsStat): Answer;
  syncfs(caller: Caller, node: NodeId): Answer;

  /** @param size room in out; 0 asks for the length only. @returns the value's length; ERANGE when it does not fit */
  getxattr(caller: Caller, node: NodeId, name: RawName, size: number, out: IoArea): Answer;
  /** As getxattr, for the NUL-terminated names. */
  listxattr(caller: Caller, node: NodeId, size: number, out: IoArea): Answer;
  /** @param flags XATTR_CREATE, XATTR_REPLACE or 0. @param killSgid FUSE_SETXATTR_ACL_KILL_SGID */
  setxattr(
    caller: Caller,
    node: NodeId,
    name: RawName,
    value: Buffer,
    flags: number,
    killSgid: boolean,
  ): Answer;
  removexattr(caller: Caller, node: NodeId, name: RawName): Answer;
}
