import type { ChangeBatch } from "./compare/comparisons.js";

/** Kinds of snapshots, as containerd has them. */
export type Kind = "active" | "committed" | "view";

/** What names a snapshot: its kind is its namespace. */
export interface Ref {
  readonly kind: Kind;
  /** Any non-empty string. */
  readonly key: string;
}

/** Disk usage: distinct inodes, and 512 · st_blocks bytes of them. */
export interface Usage {
  readonly inodes: number;
  readonly size: number;
}

/** How far the copy of a parent is. */
export type CopyState =
  /** Under way, or to be resumed. */
  | { readonly state: "pending" }
  /** Gave up with this errno; what was not copied answers it. */
  | { readonly state: "failed"; readonly errno: number; readonly what: string };

/** What the store knows of one snapshot. */
export interface Info extends Ref {
  /** Never used again, from 1. */
  readonly id: number;
  /** Name of the committed parent, or undefined. */
  readonly parent: string | undefined;
  readonly parentId: number | undefined;
  readonly labels: Readonly<Record<string, string>>;
  /** Milliseconds since the epoch. */
  readonly created: number;
  readonly updated: number;
  /** Of committed ones, once counted. */
  readonly usage: Usage | undefined;
  /** Undefined once the copy of the parent is complete, and when there was none. */
  readonly copy: CopyState | undefined;
  /** How the copy of the parent was made (CopyJob); undefined while it is under way, and when there was none. */
  readonly method: string | undefined;
  /** Committed, but not known to be on the disk yet: after a power cut it is active again under `formerKey`. */
  readonly flush: { readonly formerKey: string } | undefined;
  /** Why it may not be removed (`snapmount hold`), or undefined. */
  readonly hold: string | undefined;
}

/** A mount as containerd's Mounts() returns it. */
export interface Mount {
  readonly type: "bind";
  readonly source: string;
  readonly options: readonly string[];
}

export interface CreateOptions {
  readonly labels?: Readonly<Record<string, string>>;
  /** Owner and permission bits of the root directory of a snapshot without a parent; default 0755, the daemon's user. */
  readonly owner?: { readonly uid: number; readonly gid: number; readonly mode: number };
  /** Waits for the copy to complete; a failing or cancelled copy then leaves nothing behind. */
  readonly sync?: boolean;
  /** Cancels (with `sync`). */
  readonly signal?: AbortSignal;
}

/** How the classes of errdefs are called here; each carries the errno that the mount answers. */
export type ErrorClass =
  | "NotFound"
  | "AlreadyExists"
  | "InvalidArgument"
  | "FailedPrecondition"
  | "Busy"
  | "OutOfSpace"
  | "Cancelled"
  | "Closed"
  | "Io";

/** An operation of the store that was refused or failed; nothing was changed. */
export class StoreError extends Error {
  override readonly name = "StoreError";

  /**
   * @param errno positive errno with which the mount answers it
   * @param message names the snapshot by its path (`active/web`) and the remedy
   */
  constructor(
    readonly kind: ErrorClass,
    readonly errno: number,
    message: string,
  ) {
    super(message);
  }
}

/**
 * The snapshotter: containerd's native one with three namespaces.
 * Every method may reject with StoreError; pre- and postconditions as containerd's (see README of src).
 */
export interface Snapshotter {
  /** An active snapshot; with a parent, a copy of that committed one. */
  prepare(key: string, parent: string | undefined, options?: CreateOptions): Promise<Info>;
  /** A read-only look at a committed one, or an empty one. */
  view(key: string, parent: string | undefined, options?: CreateOptions): Promise<Info>;
  /** Makes active/key immutable as committed/name; keeps the id. */
  commit(name: string, key: string, labels?: Readonly<Record<string, string>>): Promise<Info>;
  remove(ref: Ref): Promise<void>;
  /** Gives it another key of the same kind; children follow. */
  rename(ref: Ref, key: string): Promise<Info>;
  /** Active ones and views; waits for a pending copy. */
  mounts(ref: Ref): Promise<readonly Mount[]>;
  /** The native directory; waits for a pending copy. */
  path(ref: Ref): Promise<string>;
  stat(ref: Ref): Promise<Info>;
  /**
   * @param fields none or `labels`: replaces all labels; `labels.KEY`: that one (absent or "" removes it)
   */
  update(ref: Ref, labels: Readonly<Record<string, string>>, ...fields: string[]): Promise<Info>;
  /** Protects from removal, or with undefined releases. */
  hold(ref: Ref, reason: string | undefined): Promise<Info>;
  usage(ref: Ref): Promise<Usage>;
  /** Calls back for each that matches any of the filters (containerd's syntax), all without filters. */
  walk(visit: (info: Info) => void | Promise<void>, ...filters: string[]): Promise<void>;
  /**
   * Begins to list what differs from the parent's tree; waits for pending copies. Without a parent everything is added.
   * @returns a number for nextChanges; to be given back by closeChanges
   */
  openChanges(ref: Ref): Promise<number>;
  /** The next changes, in the order of paths; not empty unless they are the last. One call at a time. */
  nextChanges(list: number): Promise<ChangeBatch>;
  closeChanges(list: number): Promise<void>;
  /** Resolves when the snapshot's copy is complete (true), has failed (rejects), or the snapshot has gone (false). */
  whenCopied(id: number): Promise<boolean>;
  /** Resolves when what was committed is on the disk (fsync of the entry). */
  whenDurable(id: number): Promise<void>;
  /** Percentage of a pending copy, by entries. */
  progress(id: number): Promise<number>;
  /** Persists a setting, such as the mode of `active/`. */
  setSetting(name: string, value: string | undefined): Promise<void>;
  /** Deletes what removed snapshots left, and waits for it. */
  cleanup(): Promise<void>;
  /** Ends background work in an orderly way and gives the lock back. */
  close(): Promise<void>;
}

/** Synchronous reads of the metadata, usable in any thread; always the latest committed state. */
export interface StoreReader {
  get(kind: Kind, key: string): Info | undefined;
  getById(id: number): Info | undefined;
  /**
   * In the order of keys' bytes.
   * @param after key after which to start, or undefined for the first
   * @param limit at most so many
   */
  list(kind: Kind, after: string | undefined, limit: number): Info[];
  /**
   * Snapshots made from the committed one with this id, in the order of their ids.
   * @param after id after which to start; default: the first
   * @param limit at most so many; default: all
   */
  children(id: number, after?: number, limit?: number): Info[];
  hasChildren(id: number): boolean;
  getSetting(name: string): string | undefined;
  /** Absolute path of the store. */
  readonly directory: string;
  close(): void;
}

/** The directory that holds a snapshot's content: its own, or its parent's for a view of a parent. */
export function contentId(info: Info): number {
  return info.kind === "view" && info.parentId !== undefined ? info.parentId : info.id;
}

/** The path by which users know a snapshot, for messages: `active/web`. */
export function refPath(ref: Ref): string {
  return `${ref.kind === "view" ? "views" : ref.kind}/${ref.key}`;
}
