import { notFound } from "./failures.js";
import { type Ref, refText } from "./ref.js";
import { compareText } from "./show.js";
import type { Snapshot } from "./snapshot.js";

/** A snapshot, and what was made from it. */
export interface Lineage {
  readonly snapshot: Snapshot;
  readonly children: readonly Lineage[];
}

/**
 * Arranges snapshots below their parents, in the order of their names.
 * @param root only this one and what was made from it; undefined: all
 * @throws Failure notFound when root is not among them
 */
export function lineageOf(snapshots: readonly Snapshot[], root?: Ref): Lineage[] {
  const byParent = new Map<string, Snapshot[]>();
  for (const snapshot of snapshots) {
    const parent = snapshot.parent === undefined ? "" : refText(snapshot.parent);
    byParent.set(parent, [...(byParent.get(parent) ?? []), snapshot]);
  }
  const below = (name: string): Lineage[] =>
    (byParent.get(name) ?? [])
      .toSorted((a, b) => compareText(refText(a), refText(b)))
      .map((snapshot) => ({ snapshot, children: belowOf(snapshot) }));
  // Only what is committed has children, whatever an active one of the same name is called.
  const belowOf = (snapshot: Snapshot): Lineage[] =>
    snapshot.kind === "committed" ? below(refText(snapshot)) : [];
  if (root === undefined) return below("");
  const snapshot = snapshots.find((candidate) => refText(candidate) === refText(root));
  if (snapshot === undefined) throw notFound(root);
  return [{ snapshot, children: belowOf(snapshot) }];
}
