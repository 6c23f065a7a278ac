import type { RawName } from "../../base/bytes.js";

/** What a tar archive holds; POSIX knows no sockets. */
export type EntryType = "file" | "link" | "symlink" | "character" | "block" | "directory" | "fifo";

/** A piece of a file that is no hole, in bytes. */
export interface Extent {
  readonly offset: number;
  readonly length: number;
}

/** One file of an archive, without its data. */
export interface ArchiveEntry {
  readonly type: EntryType;
  /** Without a leading slash; "" is the top of the tree. */
  readonly path: RawName;
  /** Permission bits. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  /** Of a file, in bytes, holes included. */
  readonly size: number;
  readonly mtime: number;
  readonly mtimeNs: number;
  /** Where a symbolic link leads, or the path of what a hard link is another name of. */
  readonly target: RawName;
  readonly major: number;
  readonly minor: number;
  /** Extended attributes, ACLs among them, by name. */
  readonly xattrs: ReadonlyMap<RawName, Buffer>;
  /** Where a file has data; undefined: everywhere. */
  readonly extents: readonly Extent[] | undefined;
}

/** An archive that is not one, is cut off, or says what cannot be done. */
export class ArchiveError extends Error {
  override readonly name = "ArchiveError";
}
