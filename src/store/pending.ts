import type { RawName } from "../base/bytes.js";
import { S_IFDIR, S_IFMT, S_IFREG } from "../sys/constants.js";
import type { Stat } from "../sys/stat.js";

/**
 * While the copy of a parent is under way, what was not copied yet says so by its mode, so that the
 * state of a copy is on the disk itself and survives a crash:
 * a *raw* directory has not got its entries and attributes yet; a *placeholder* file has not got its data and attributes.
 * The last step of copying either is the chmod(2) that takes the mark away.
 *
 * Modes that mkdir(2) and open(2) give at once, that no write takes away, and that are hardly ever meant. A source that
 * really has the first one is marked by the second, so that "not copied" can be told for certain by comparing the two.
 */
const MARKS = [0o1701, 0o1705] as const;
const FILE_MARKS = [0o1601, 0o1605] as const;
/** S_ISVTX, S_IRWXU, S_IRWXG and S_IRWXO bits. */
const PERMISSIONS = 0o7777;

/** Whether these attributes may be those of something that is not copied yet; only meaningful while a copy is pending. */
export function isUncopied(stat: Readonly<Pick<Stat, "mode">>): boolean {
  const permissions = stat.mode & PERMISSIONS;
  const type = stat.mode & S_IFMT;
  if (type === S_IFREG) return permissions === FILE_MARKS[0] || permissions === FILE_MARKS[1];
  return type === S_IFDIR && (permissions === MARKS[0] || permissions === MARKS[1]);
}

/** @returns the mode, with its type, by which the copy of a file or directory with this mode says that it is not made yet */
export function markFor(sourceMode: number): number {
  const [first, second] = (sourceMode & S_IFMT) === S_IFDIR ? MARKS : FILE_MARKS;
  const mark = (sourceMode & PERMISSIONS) === first ? second : first;
  return (sourceMode & S_IFMT) | mark;
}

/** Whether a mode that somebody asks for could be taken for a mark: such wishes wait until the copy is complete. */
export function looksLikeMark(mode: number): boolean {
  return (mode & 0o1000) !== 0;
}

/** Which part of a file somebody who comes ahead of the copy needs. */
export type Need = "all" | "attributes";

/**
 * Copies ahead of the rest what somebody touches. Paths are relative to the snapshot's directory, "" is that
 * directory itself; something uncopied is always still where its source is, because renaming waits for its copy.
 * All answer 0 or -errno (the errno of a copy that failed there).
 */
export interface CopyAhead {
  /**
   * Gives a raw directory its entries (files as placeholders, directories raw) and its own attributes.
   * @param next a name in it, where whoever waits is likely to go on: the next step of his path
   */
  expand(id: number, path: RawName, next?: RawName): Promise<number>;
  /** Gives a placeholder its data and attributes; attributes alone for somebody who truncates it. */
  fill(id: number, path: RawName, need: Need): Promise<number>;
  /** Completes the subtree. */
  complete(id: number, path: RawName): Promise<number>;
}
