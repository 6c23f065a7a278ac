import type { Holder } from "../daemon/holders.js";
import type { Ref } from "./ref.js";
import type { MountLine, Snapshot, Usage } from "./snapshot.js";

/** How a snapshot is made. */
export interface MakeOptions {
  readonly labels: Readonly<Record<string, string>>;
  /** Waits until the copy of the parent is complete. A store that is not mounted always does. */
  readonly wait: boolean;
  readonly signal: AbortSignal;
  /** Called now and then with the percentage. */
  readonly onProgress?: (percent: number) => void;
}

/** Where a store is, and who has it. */
export interface Place {
  /** Undefined when the mount does not say it to this user. */
  readonly store: string | undefined;
  readonly mountpoint: string | undefined;
  readonly driver?: string | undefined;
  /** Whether the kernel reads and writes files by itself; undefined when that is not known. */
  readonly passthrough?: boolean | undefined;
  /** Of the daemon. */
  readonly pid: number | undefined;
}

/**
 * A store as commands use it: through its mount while it is mounted, directly while it is not. Both answer the same;
 * what cannot be done rejects with Failure, which says why and what to do.
 */
export interface Access {
  readonly place: Place;
  /** Snapshots in the order of their kinds and names. */
  list(): Promise<Snapshot[]>;
  find(ref: Ref): Promise<Snapshot | undefined>;
  /** What was made from a snapshot, in the order of names. */
  children(ref: Ref): Promise<Ref[]>;
  usage(ref: Ref): Promise<Usage>;
  /** The native directory. Waits for a pending copy. */
  path(ref: Ref): Promise<string>;
  /** Where files of a snapshot are read and written: on the mount, or its native directory. */
  directory(ref: Ref): Promise<string>;
  mounts(ref: Ref): Promise<MountLine[]>;
  /** Makes an active snapshot or a view. When it fails or is aborted, nothing is left of it. */
  make(ref: Ref, parent: Ref | undefined, options: MakeOptions): Promise<void>;
  /** Resolves when it is on the disk. */
  commit(from: Ref, to: Ref, labels: Readonly<Record<string, string>>): Promise<void>;
  remove(ref: Ref): Promise<void>;
  /** @param to of the same kind */
  rename(from: Ref, to: Ref): Promise<void>;
  /** Sets labels; "" removes one. */
  label(ref: Ref, changes: Readonly<Record<string, string>>): Promise<void>;
  /** Protects from removal; undefined releases. */
  hold(ref: Ref, reason: string | undefined): Promise<void>;
  /** Processes and mounts that use a snapshot. */
  holders(ref: Ref): Promise<Holder[]>;
  close(): Promise<void>;
}
