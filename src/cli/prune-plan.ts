import { Failure } from "../daemon/failure.js";
import { refText } from "./ref.js";
import { compareText } from "./show.js";
import type { Snapshot } from "./snapshot.js";

/** What `prune` keeps; what no rule keeps is removed. */
export interface PruneRules {
  /** The newest so many. */
  readonly keepLast?: number;
  /** Those that are younger, in milliseconds. */
  readonly keepWithinMs?: number;
  /** Those that have one of these labels: a key, or key=value. */
  readonly keepLabels: readonly string[];
}

/** What becomes of a snapshot, and why. */
export interface Verdict {
  readonly snapshot: Snapshot;
  /** Why it is kept; undefined: it is removed. */
  readonly kept: string | undefined;
}

/**
 * Decides what is removed. Whatever is held, or has something left that was made from it, is kept.
 * @param snapshots all that there are
 * @param isMeant those that may be removed
 * @param now milliseconds since the epoch
 * @returns a verdict on each that is meant, children before their parents, otherwise the newest first
 */
export function planPrune(
  snapshots: readonly Snapshot[],
  isMeant: (snapshot: Snapshot) => boolean,
  rules: PruneRules,
  now: number,
): Verdict[] {
  const meant = snapshots
    .filter(isMeant)
    .sort((a, b) => compareText(b.created, a.created) || compareText(refText(a), refText(b)));
  const kept = new Map<string, string | undefined>();
  for (const [index, snapshot] of meant.entries())
    kept.set(refText(snapshot), ruleFor(snapshot, index, rules, now));
  // A child is younger than its parent, but times may have been set back: so children are looked at first.
  const verdicts: Verdict[] = [];
  const done = new Set<string>();
  const visit = (snapshot: Snapshot): void => {
    const name = refText(snapshot);
    if (done.has(name)) return;
    done.add(name);
    const children = childrenOf(snapshot, snapshots);
    for (const child of children) if (kept.has(refText(child))) visit(child);
    const left = children.find(
      (child) => !kept.has(refText(child)) || kept.get(refText(child)) !== undefined,
    );
    if (left !== undefined) kept.set(name, kept.get(name) ?? `${refText(left)} was made from it`);
    verdicts.push({ snapshot, kept: kept.get(name) });
  };
  for (const snapshot of meant) visit(snapshot);
  return verdicts;
}

function childrenOf(snapshot: Snapshot, snapshots: readonly Snapshot[]): Snapshot[] {
  if (snapshot.kind !== "committed") return [];
  return snapshots.filter(({ parent }) => parent?.name === snapshot.name);
}

function ruleFor(snapshot: Snapshot, index: number, rules: PruneRules, now: number): string | undefined {
  if (snapshot.hold !== undefined) return `held: ${snapshot.hold}`;
  const { keepLast, keepWithinMs, keepLabels } = rules;
  if (keepLast !== undefined && index < keepLast) return `among the last ${keepLast}`;
  if (keepWithinMs !== undefined && now - Date.parse(snapshot.created) < keepWithinMs) return "young enough";
  const label = keepLabels.find((wanted) => hasLabel(snapshot, wanted));
  return label === undefined ? undefined : `labelled ${label}`;
}

function hasLabel({ labels }: Snapshot, wanted: string): boolean {
  const equals = wanted.indexOf("=");
  if (equals < 0) return Object.hasOwn(labels, wanted);
  return (
    Object.hasOwn(labels, wanted.slice(0, equals)) &&
    labels[wanted.slice(0, equals)] === wanted.slice(equals + 1)
  );
}

const UNITS_MS: Readonly<Record<string, number>> = {
  s: 1000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
  w: 7 * 86_400_000,
  y: 365 * 86_400_000,
};

/** @returns milliseconds of `36h`, `7d` or `1y6w`. @throws Failure */
export function parseDuration(text: string): number {
  if (!/^(\d+[smhdwy])+$/.test(text))
    throw new Failure("usage", `${JSON.stringify(text)} is no time: say for example 36h, 7d, 4w or 1y`);
  let total = 0;
  for (const [, count, unit] of text.matchAll(/(\d+)([smhdwy])/g)) total += Number(count) * UNITS_MS[unit!]!;
  return total;
}
