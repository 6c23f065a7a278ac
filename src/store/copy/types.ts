import type { RawName } from "../../base/bytes.js";
import type { Usage } from "../types.js";

/** A copy of a parent that goes on in the background. Paths are relative to the copy, "" is its root directory. */
export interface CopyJob {
  /** Resolves when complete; rejects with SysError (its subject is the path below the snapshot). */
  readonly done: Promise<void>;
  /** How the data is copied, for logs and info. */
  readonly method: string;
  /** 0..100, by entries. */
  progress(): number;
  /** Gives a raw directory its entries. @returns 0 or -errno */
  expand(path: RawName): Promise<number>;
  /** Gives a placeholder its data and attributes. @returns 0 or -errno */
  fill(path: RawName): Promise<number>;
  /** Completes a subtree. @returns 0 or -errno */
  complete(path: RawName): Promise<number>;
  /** Begins the background work; `path` is where the directory is now. */
  start(path: string): void;
  /** Stops as soon as possible; done rejects with ECANCELED and what was made stays. */
  cancel(): void;
}

/**
 * Copies, deletes, counts and flushes trees, in threads of its own. An engine that cannot copy in the background has
 * neither begin nor resume: each copy is then complete before the snapshot is shown.
 */
export interface CopyEngine {
  /**
   * Copies a directory with everything below it into `to`, which is made; complete when it resolves.
   * @throws SysError; ECANCELED after an abort. What was made stays
   */
  copyTree(from: string, to: string, signal?: AbortSignal): Promise<void>;
  /**
   * Makes `to` at once, as a raw directory or complete.
   * @param sources the parent and, while that one's own copy is pending, its ancestors, nearest first
   * @returns the job, or undefined when the copy is complete already
   */
  begin?(sources: readonly string[], to: string): CopyJob | undefined;
  /** Goes on with what was interrupted; `to` exists. */
  resume?(sources: readonly string[], to: string): CopyJob;
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
