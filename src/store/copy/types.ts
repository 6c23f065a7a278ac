import type { RawName } from "../../base/bytes.js";
import type { Need } from "../pending.js";
import type { Usage } from "../types.js";

/** A directory that is copied. */
export interface Source {
  readonly path: string;
  /** Of its own copy, while that is pending. */
  readonly beside: Beside;
}

/** Paths beside a directory while it is being copied; both are gone when the copy is complete. */
export interface Beside {
  /** A directory that keeps names of files with several links until the directories that they belong in are made. */
  readonly links: string;
  /** A snapshot of btrfs until it takes the place of the directory. */
  readonly snapshot: string;
}

/** A copy of a parent that goes on in the background. Paths are relative to the copy, "" is its root directory. */
export interface CopyJob {
  /** Resolves when complete; rejects with SysError (its subject is the path below the snapshot). */
  readonly done: Promise<void>;
  /** Once complete, how it was made: `snapshot` (of btrfs), the ways by which contents of files were copied, or `nothing`. */
  readonly method: string;
  /** How many entries were copied so far. */
  entries(): number;
  /**
   * Gives a raw directory its entries.
   * @param next a name in it, where whoever waits is likely to go on; that is expanded as well if it takes next to no time
   * @returns 0 or -errno
   */
  expand(path: RawName, next?: RawName): Promise<number>;
  /** Gives a placeholder its data and attributes. @returns 0 or -errno */
  fill(path: RawName, need: Need): Promise<number>;
  /** Completes a subtree. @returns 0 or -errno */
  complete(path: RawName): Promise<number>;
  /**
   * Begins the background work.
   * @param path where the directory is now
   * @param beside what may be made meanwhile
   */
  start(path: string, beside: Beside): void;
  /** Stops as soon as possible; done rejects with ECANCELED when nothing is written any more, and what was made stays. */
  cancel(): void;
}

/** Copies, deletes, counts and flushes trees, in threads of its own. */
export interface CopyEngine {
  /** Starts the threads that begin() needs, for those who would have to wait for it; without threads there is nothing to do. */
  warm?(): void;
  /**
   * Makes `to`, as a raw directory that is to be copied or complete. Takes no longer for a large source than for a small one.
   * @param sources the parent and, while that one's own copy is pending, its ancestors, nearest first
   * @returns the job, or undefined when the copy is complete already
   * @throws SysError; what was made stays
   */
  begin(sources: readonly Source[], to: string): CopyJob | undefined;
  /**
   * Goes on with what was interrupted; `to` exists.
   * @param verify whether data of what seems complete may have been lost in a power cut
   */
  resume(sources: readonly Source[], verify: boolean): CopyJob;
  /** Makes an empty directory for a snapshot without a parent. @throws SysError */
  makeRoot(path: string, mode: number, uid: number, gid: number): void;
  /** Removes a tree at low priority; one that is not there is removed already. @throws SysError */
  deleteTree(path: string): Promise<void>;
  /** syncfs(2) of the file system that holds path. @throws SysError */
  flush(path: string): Promise<void>;
  /** Counts distinct inodes and their blocks, the root directory included. @throws SysError */
  usage(path: string, signal?: AbortSignal): Promise<Usage>;
  /** Ends all threads; what is under way rejects with ECANCELED. */
  close(): Promise<void>;
}
