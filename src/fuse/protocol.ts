/** Opcodes of the kernel protocol (linux/fuse.h). */
export const Op = {
  LOOKUP: 1,
  FORGET: 2,
  GETATTR: 3,
  SETATTR: 4,
  READLINK: 5,
  SYMLINK: 6,
  MKNOD: 8,
  MKDIR: 9,
  UNLINK: 10,
  RMDIR: 11,
  RENAME: 12,
  LINK: 13,
  OPEN: 14,
  READ: 15,
  WRITE: 16,
  STATFS: 17,
  RELEASE: 18,
  FSYNC: 20,
  SETXATTR: 21,
  GETXATTR: 22,
  LISTXATTR: 23,
  REMOVEXATTR: 24,
  FLUSH: 25,
  INIT: 26,
  OPENDIR: 27,
  READDIR: 28,
  RELEASEDIR: 29,
  FSYNCDIR: 30,
  ACCESS: 34,
  CREATE: 35,
  INTERRUPT: 36,
  DESTROY: 38,
  IOCTL: 39,
  BATCH_FORGET: 42,
  FALLOCATE: 43,
  READDIRPLUS: 44,
  RENAME2: 45,
  LSEEK: 46,
  COPY_FILE_RANGE: 47,
  SYNCFS: 50,
  TMPFILE: 51,
  STATX: 52,
  COPY_FILE_RANGE_64: 53,
} as const;

/** Most opcodes that counters tell apart. */
export const OPCODES = 64;

/** INIT flags, by bit. */
export const InitBit = {
  ASYNC_READ: 0,
  ATOMIC_O_TRUNC: 3,
  BIG_WRITES: 5,
  DONT_MASK: 6,
  AUTO_INVAL_DATA: 12,
  DO_READDIRPLUS: 13,
  READDIRPLUS_AUTO: 14,
  PARALLEL_DIROPS: 18,
  HANDLE_KILLPRIV: 19,
  POSIX_ACL: 20,
  MAX_PAGES: 22,
  CACHE_SYMLINKS: 23,
  NO_OPENDIR_SUPPORT: 24,
  HANDLE_KILLPRIV_V2: 28,
  SETXATTR_EXT: 29,
  INIT_EXT: 30,
  PASSTHROUGH: 37,
} as const;

export const FOPEN_PASSTHROUGH = 1 << 7;
export const FOPEN_NOFLUSH = 1 << 5;
export const OPEN_KILL_SUIDGID = 1;
export const WRITE_KILL_SUIDGID = 4;
export const FSYNC_FDATASYNC = 1;
export const GETATTR_FH = 1;
export const SETXATTR_ACL_KILL_SGID = 1;

/** Valid bits of SETATTR. */
export const Fattr = {
  MODE: 1,
  UID: 2,
  GID: 4,
  SIZE: 8,
  ATIME: 16,
  MTIME: 32,
  FH: 64,
  ATIME_NOW: 128,
  MTIME_NOW: 256,
  KILL_SUIDGID: 1 << 11,
} as const;

/** Notifications carry these codes where a reply has its errno. */
export const NOTIFY_INVAL_INODE = 2;
export const NOTIFY_INVAL_ENTRY = 3;
export const FUSE_EXPIRE_ONLY = 1;

/** A reply with a larger one is refused (fuse_dev_do_write in fs/fuse/dev.c). */
export const LARGEST_ERRNO = 511;

export const IN_HEADER = 40;
export const OUT_HEADER = 16;
export const ENTRY_OUT = 128;
export const ATTR_OUT = 104;
export const OPEN_OUT = 16;
/** struct fuse_dirent without its name; entries are padded to 8 bytes. */
export const DIRENT = 24;
/** A page for headers and names, beside the data. */
export const REQUEST_ROOM = 4096 * 3;
