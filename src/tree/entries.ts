import type { Entry } from "../fuse/filesystem.js";
import type { Info } from "../store/types.js";

/** What the control directories (active, committed, views, info) ask of the passthrough part of the tree. */
export interface Entries {
  /**
   * The root directory of a snapshot, as a name in a control directory leads to it; adds one to its lookup count.
   * Sets attributes and timeouts of `out`; the caller may shorten entryTimeout.
   * @returns 0 or -errno, or a promise while the copy of that directory is awaited
   */
  lookupRoot(info: Info, out: Entry): number | Promise<number>;
  /** Who owns a snapshot's root directory; undefined when that cannot be told. */
  owner(info: Info): { readonly uid: number; readonly gid: number } | undefined;
  /** Tells that a snapshot has changed: its kind (commit), its key, or that its copy is complete. */
  refresh(info: Info): void;
  /** Tells that a snapshot has gone; its nodes answer ENOENT from now on, open handles live on. */
  forgetEntry(id: number): void;
  /**
   * Whether a snapshot may be committed now: nothing in it is open for writing or mapped writable, and its directory is
   * not bind-mounted anywhere. Takes queued RELEASEs into account.
   * @returns 0 or -EBUSY
   */
  checkQuiescent(info: Info): number;
  /**
   * Runs work that ends the time in which a snapshot may change. What was found just before (nothing is open for
   * writing, it is empty) stays true until work is done: meanwhile every change in the snapshot is refused.
   * @param errno with which, positive
   */
  whileUnchanged<T>(info: Info, errno: number, work: () => Promise<T>): Promise<T>;
  /** Whether any file of the snapshot is open through the mount, for removal. */
  isOpen(id: number): boolean;
  /**
   * Whether the native directory of an active snapshot has no entries (waits for nothing: a pending copy counts by its source).
   * @returns 1 when empty, 0 when not, or -errno
   */
  isEmpty(info: Info): number;
}

/** Node ids from here on belong to the control directories; smaller ones but 1 belong to entries. */
export const CONTROL_NODES = 2 ** 40;
