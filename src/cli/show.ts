import { type Cell, colours } from "./output.js";
import { refText } from "./ref.js";
import type { Snapshot, Usage } from "./snapshot.js";

/** A snapshot as `--json` shows it: stable keys, bytes as integers, times as RFC 3339. */
export interface SnapshotJson {
  readonly name: string;
  readonly kind: string;
  readonly key: string;
  readonly id: number;
  readonly parent: string | null;
  readonly created: string;
  readonly updated: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly state: string;
  readonly hold: string | null;
  readonly size: number;
  readonly inodes: number;
}

export function snapshotJson(snapshot: Snapshot, usage: Usage): SnapshotJson {
  const { kind, key, id, parent, created, updated, labels, state, hold } = snapshot;
  return {
    name: refText(snapshot),
    kind,
    key,
    id,
    parent: parent === undefined ? null : refText(parent),
    created,
    updated,
    labels: Object.fromEntries(sortedLabels(labels)),
    state,
    hold: hold ?? null,
    size: usage.size,
    inodes: usage.inodes,
  };
}

/** @returns labels as `key=value`, in the order of their keys */
export function labelsText(labels: Readonly<Record<string, string>>): string {
  return sortedLabels(labels)
    .map(([key, value]) => `${key}=${value}`)
    .join(",");
}

export function sortedLabels(labels: Readonly<Record<string, string>>): [string, string][] {
  return Object.entries(labels).sort(([a], [b]) => compareText(a, b));
}

/** Orders text by its code points, the same everywhere. */
export function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** @returns the name of a snapshot in the colour of its kind */
export function nameCell(snapshot: Snapshot): Cell {
  const paint = { active: colours.green, committed: colours.cyan, view: colours.magenta }[snapshot.kind];
  return { text: refText(snapshot), paint };
}

/** @returns a time for people, to the second */
export function shortTime(time: string): string {
  return time.replace("T", " ").replace(/\.\d+Z$/, "Z");
}
