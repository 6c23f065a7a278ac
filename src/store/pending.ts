import type { RawName } from "../base/bytes.js";
import { S_IFDIR, S_IFMT, S_IFREG } from "../sys/constants.js";
import type { Stat } from "../sys/stat.js";

/**
 * While the copy of a parent is under way, what was not copied yet says so by its mode, so that the
 * state of a copy is on the disk itself and survives a crash:
 * a *raw* directory has not got its entries yet; a *placeholder* file has not got its data, owner,
 * times and attributes yet. Only meaningful below a snapshot whose `copy` is set.
 */
export const RAW_DIRECTORY_MODE = S_IFDIR | 0o7700;
export const PLACEHOLDER_MODE = S_IFREG | 0o7600;

/** Whether these attributes are those of something that is not copied yet. */
export function isUncopied(stat: Readonly<Stat>): boolean {
  return stat.mode === RAW_DIRECTORY_MODE || stat.mode === PLACEHOLDER_MODE;
}

/** Whether it is one of the two types that can be uncopied; links and special files are made whole. */
export function canBeUncopied(mode: number): boolean {
  const type = mode & S_IFMT;
  return type === S_IFDIR || type === S_IFREG;
}

/**
 * Copies ahead of the rest what somebody touches. Paths are relative to the snapshot's directory, "" is that
 * directory itself; something uncopied is always still where its source is, because renaming waits for its copy.
 * All answer 0 or -errno (the errno of a copy that failed there).
 */
export interface CopyAhead {
  /** Gives a raw directory its entries (files as placeholders, directories raw) and its own attributes. */
  expand(id: number, path: RawName): Promise<number>;
  /** Gives a placeholder its data and attributes. */
  fill(id: number, path: RawName): Promise<number>;
  /** Completes the subtree. */
  complete(id: number, path: RawName): Promise<number>;
}
