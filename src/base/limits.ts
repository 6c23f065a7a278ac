/** Longest file name in bytes (linux/limits.h). */
export const NAME_MAX = 255;
/** Longest path in bytes, with its NUL (linux/limits.h). */
export const PATH_MAX = 4096;
/** Longest extended attribute value in bytes (linux/limits.h). */
export const XATTR_SIZE_MAX = 65536;
/** Largest data of one FUSE request in bytes: MAX_PAGES 256 of 4 KiB. */
export const MAX_IO = 1 << 20;
