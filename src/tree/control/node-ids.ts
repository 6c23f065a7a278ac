import type { Kind } from "../../store/types.js";
import { CONTROL_NODES } from "../entries.js";

// Node ids from CONTROL_NODES on: 64 fixed ones, then 64 for each snapshot by its id, which is never used again, then
// those of files that come and go (labels), which are counted up.

export const README_NODE = CONTROL_NODES + 1;
export const INFO_NODE = CONTROL_NODES + 2;
/** active/, committed/, views/ */
export const KIND_NODES: Readonly<Record<Kind, number>> = {
  active: CONTROL_NODES + 3,
  committed: CONTROL_NODES + 4,
  view: CONTROL_NODES + 5,
};
/** info/active/, info/committed/, info/views/ */
export const INFO_KIND_NODES: Readonly<Record<Kind, number>> = {
  active: CONTROL_NODES + 6,
  committed: CONTROL_NODES + 7,
  view: CONTROL_NODES + 8,
};
export const KINDS: readonly Kind[] = ["active", "committed", "view"];

/** How the directory of a kind is called. */
export const KIND_DIRECTORY: Readonly<Record<Kind, string>> = {
  active: "active",
  committed: "committed",
  view: "views",
};

const SLOTS = 64;
/** Node ids of files that come and go. */
export const COUNTED_NODES = 2 ** 50;

/** What there is of one snapshot, by its slot. */
export const SLOT_DIRECTORY = 0;
export const SLOT_LABELS = 1;
export const SLOT_CHILDREN = 2;
export const SLOT_PARENT = 3;
/** The link to this snapshot in its parent's children/. */
export const SLOT_AS_CHILD = 4;
/** In listings of active/, committed/ and views/, whose own inode numbers belong to the entries. */
export const SLOT_LISTED = 5;
export const SLOT_HOLD = 6;
export const SLOT_CHANGES = 7;
/** The first of the files with one value. */
export const SLOT_VALUES = 8;
/** In listings of labels/, whose files have counted nodes once somebody looks at them. */
export const SLOT_LABEL_LISTED = 63;

export function snapshotNode(id: number, slot: number): number {
  return CONTROL_NODES + id * SLOTS + slot;
}

/** Added to the slots of directories of committed snapshots. */
export const COMMITTED_SLOTS = 40;

/**
 * A directory of a snapshot in info/. A commit moves it to another directory without the kernel knowing, which then would have
 * one directory in two places: looking it up answers ESTALE while a rename(2) is under way (d_splice_alias in fs/dcache.c). So
 * it is another directory from then on.
 */
export function directoryNode(snapshot: { readonly id: number; readonly kind: Kind }, slot: number): number {
  return snapshotNode(snapshot.id, snapshot.kind === "committed" ? COMMITTED_SLOTS + slot : slot);
}

/** @returns the snapshot and slot of a node in between the fixed and the counted ones */
export function snapshotOf(node: number): { id: number; slot: number } {
  const offset = node - CONTROL_NODES;
  return { id: Math.floor(offset / SLOTS), slot: offset % SLOTS };
}

/** Inode numbers that users see: out of the way of those of native files. */
export function inoOf(node: number): number {
  return node === 1 ? 1 : node + CONTROL_NODES;
}
