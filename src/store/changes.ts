import type { RawName } from "../base/bytes.js";
import { Comparisons } from "./compare/comparisons.js";
import { TreeComparison } from "./compare/tree-comparison.js";

/** What has become of a path. */
export type ChangeType =
  /** Added: there was nothing of that name. */
  | "A"
  /** Modified: content, type, owner, permissions, time, extended attributes, or what it is hard-linked with. */
  | "M"
  /** Deleted, with everything below it. */
  | "D";

/** A difference of one tree to another. */
export interface TreeChange {
  readonly type: ChangeType;
  /** From the top of the tree, without a leading slash; "" is the top itself. */
  readonly path: RawName;
  /** Type and permission bits of what is there now, or of what was deleted. */
  readonly mode: number;
}

/**
 * Lists what differs in a directory tree from another one, in the order of paths: a directory before what is in it, names
 * by their bytes. Its rules are those of OCI layers and of containerd (continuity/fs, Changes):
 *
 * - A directory that was added is listed with everything in it, one that was deleted in one line.
 * - What has another type now is modified, and what was in a directory that is none any more is not listed.
 * - A directory is modified when its permissions, owner or extended attributes are other ones. Its time does not count:
 *   it changes with what is in it.
 * - A file with another size, time (to the nanosecond) or attribute is modified, whatever is in it.
 * - When all these are the same, the contents are compared, as somebody may have set the time back; but not of reflinks,
 *   whose blocks are known to be the same ones.
 * - Of files with several links, each name is modified whose first name (of those in both trees) is another one.
 * - A whiteout of overlayfs is a character device as any other.
 *
 * Makes system calls that block: streamChanges does it in a thread. Holds two descriptors a level, and the names of one
 * directory of each level.
 * @param before path of a directory, or undefined: then everything is added
 * @param after path of a directory
 * @throws SysError when something cannot be read; its subject is the path below the tree
 */
export function* compareTrees(before: string | undefined, after: string): Generator<TreeChange, void> {
  for (const change of new TreeComparison(before, after)) if (change !== undefined) yield change;
}

/**
 * The same in a thread, in pieces, and only as fast as they are taken. Leaving the loop gives everything back.
 * @throws SysError
 */
export async function* streamChanges(
  before: string | undefined,
  after: string,
): AsyncGenerator<readonly TreeChange[], void> {
  const comparisons = new Comparisons();
  try {
    const list = comparisons.open(before, after);
    for (;;) {
      const { changes, isLast } = await comparisons.read(list);
      if (changes.length > 0) yield changes;
      if (isLast) return;
    }
  } finally {
    await comparisons.end();
  }
}
