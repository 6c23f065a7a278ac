import type { Ref } from "./ref.js";

/** What the command line knows of a snapshot, from the mount or from the store. */
export interface Snapshot extends Ref {
  readonly key: string;
  readonly id: number;
  readonly parent: Ref | undefined;
  /** RFC 3339, UTC. */
  readonly created: string;
  readonly updated: string;
  readonly labels: Readonly<Record<string, string>>;
  /** `ready`, `preparing 43%`, `committing` or `failed: …`. */
  readonly state: string;
  /** Why it may not be removed, or undefined. */
  readonly hold: string | undefined;
}

/** Bytes of the disk, and inodes. */
export interface Usage {
  readonly size: number;
  readonly inodes: number;
}

/** A mount as containerd's Mounts() returns it. */
export interface MountLine {
  readonly type: string;
  readonly source: string;
  readonly options: readonly string[];
}
