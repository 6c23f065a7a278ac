import { readdirSync } from "node:fs";
import { ownsDirectory } from "./catalog.js";
import type { Layout } from "./layout.js";
import type { Metadata } from "./metadata.js";
import { keyBytes, type Record } from "./records.js";
import { CLEAN } from "./recovery.js";
import { refPath } from "./types.js";

/** Something in a store that contradicts something else in it. */
export type Problem =
  /** Two records have the same name, or a record is not found by its name. */
  | { readonly type: "unnamed"; readonly id: number; readonly record: Record }
  | { readonly type: "stray name"; readonly key: Buffer; readonly id: number }
  | { readonly type: "no parent"; readonly id: number; readonly record: Record }
  | { readonly type: "not linked"; readonly id: number; readonly parent: number; readonly record: Record }
  | { readonly type: "stray link"; readonly parent: number; readonly child: number }
  | { readonly type: "no directory"; readonly id: number; readonly record: Record }
  | { readonly type: "stray directory"; readonly id: number }
  | { readonly type: "stray work"; readonly id: number; readonly what: string }
  | { readonly type: "missing work"; readonly id: number; readonly record: Record }
  | { readonly type: "left behind"; readonly name: string }
  | { readonly type: "unknown file"; readonly name: string }
  | { readonly type: "id to be used again"; readonly id: number }
  | { readonly type: "usage"; readonly id: number; readonly record: Record; readonly inodes: number };

/** @returns a line for users */
export function problemText(problem: Problem): string {
  switch (problem.type) {
    case "unnamed":
      return `${named(problem)} is not found by its name`;
    case "stray name":
      return `the name ${JSON.stringify(problem.key.subarray(1).toString())} leads to snapshot ${problem.id}, which is not called so`;
    case "no parent":
      return `${named(problem)} was made from snapshot ${problem.record.parentId}, which is no committed one`;
    case "not linked":
      return `${named(problem)} is not among the children of snapshot ${problem.parent}`;
    case "stray link":
      return `snapshot ${problem.child} is among the children of ${problem.parent} and was not made from it`;
    case "no directory":
      return `${named(problem)} has no directory`;
    case "stray directory":
      return `the directory snapshots/${problem.id} belongs to no snapshot`;
    case "stray work":
      return `snapshot ${problem.id} is noted for a ${problem.what} that is not under way`;
    case "missing work":
      return `${named(problem)} has something under way that is not noted, so that it would not go on`;
    case "left behind":
      return `snapshots/${problem.name} is left of an operation that has ended`;
    case "unknown file":
      return `snapshots/${problem.name} is nothing that snapmount makes`;
    case "id to be used again":
      return `the number of snapshot ${problem.id} would be given to another one`;
    case "usage":
      return `${named(problem)} has ${problem.inodes} inodes, and was recorded with ${problem.record.usage?.inodes}`;
  }
}

function named({ id, record }: { readonly id: number; readonly record: Record }): string {
  return `${refPath(record)} (snapshot ${id})`;
}

/**
 * Compares records, names, links, work and directories with one another. Changes nothing.
 * What a crash has left for the next opening to finish is no problem.
 * @param metadata of a store that nobody else has
 */
export function findProblems(metadata: Metadata, layout: Layout): Problem[] {
  const records = new Map(metadata.records());
  const isClean = metadata.setting(CLEAN) !== undefined;
  const { nextId } = metadata;
  return [
    ...inRecords(metadata, records, nextId),
    ...inNames(metadata, records),
    ...inLinks(metadata, records),
    ...inWork(metadata, records),
    ...inDirectories(metadata, layout, records, isClean ? Number.POSITIVE_INFINITY : nextId),
  ];
}

type Records = ReadonlyMap<number, Record>;

function* inRecords(metadata: Metadata, records: Records, nextId: number): Generator<Problem> {
  const linked = new Map([...metadata.links()].map(([parent, child]) => [child, parent]));
  for (const [id, record] of records) {
    if (id >= nextId) yield { type: "id to be used again", id };
    if (metadata.find(record.kind, record.key) !== id) yield { type: "unnamed", id, record };
    const parent = record.parentId;
    if (parent === undefined) continue;
    if (records.get(parent)?.kind !== "committed") yield { type: "no parent", id, record };
    else if (linked.get(id) !== parent) yield { type: "not linked", id, parent, record };
  }
}

function* inNames(metadata: Metadata, records: Records): Generator<Problem> {
  for (const [key, id] of metadata.names()) {
    const record = records.get(id);
    if (record === undefined || !keyBytes(record.kind, record.key).equals(key))
      yield { type: "stray name", key: Buffer.from(key), id };
  }
}

function* inLinks(metadata: Metadata, records: Records): Generator<Problem> {
  for (const [parent, child] of metadata.links())
    if (records.get(child)?.parentId !== parent) yield { type: "stray link", parent, child };
}

function* inWork(metadata: Metadata, records: Records): Generator<Problem> {
  const noted = new Map(metadata.allWork());
  for (const [id, work] of noted) {
    const record = records.get(id);
    if (work.copy === true && record?.copy?.state !== "pending")
      yield { type: "stray work", id, what: "copy" };
    if (work.flush === true && record?.flush === undefined) yield { type: "stray work", id, what: "commit" };
    if (work.count === true && record?.kind !== "committed") yield { type: "stray work", id, what: "count" };
    if (work.remove === true && record !== undefined) yield { type: "stray work", id, what: "removal" };
  }
  for (const [id, record] of records) {
    const work = noted.get(id) ?? {};
    const copies = record.copy?.state === "pending" && work.copy !== true;
    const commits = record.flush !== undefined && work.flush !== true;
    if (copies || commits) yield { type: "missing work", id, record };
  }
}

/** @param mostId what has a greater number is left to the recovery */
function* inDirectories(
  metadata: Metadata,
  layout: Layout,
  records: Records,
  mostId: number,
): Generator<Problem> {
  const present = new Set<number>();
  const recovers = mostId !== Number.POSITIVE_INFINITY;
  for (const { name, isDirectory } of entriesOf(layout.snapshots)) {
    const found = layout.parse(name);
    if (found === undefined || !isDirectory) yield { type: "unknown file", name };
    else if (found.type === "snapshot") {
      present.add(found.id);
      const record = records.get(found.id);
      const owned = record !== undefined && ownsDirectory(record.kind, record.parentId);
      const removal = metadata.workOf(found.id).remove === true;
      if (!owned && !removal && found.id < mostId) yield { type: "stray directory", id: found.id };
    } else if (!recovers && !isUnderWay(metadata, name, found)) yield { type: "left behind", name };
    else if (found.type === "removed") present.add(found.id);
  }
  for (const [id, record] of records)
    if (ownsDirectory(record.kind, record.parentId) && !present.has(id))
      yield { type: "no directory", id, record };
}

function isUnderWay(
  metadata: Metadata,
  name: string,
  found: { readonly type: string; readonly id?: number },
): boolean {
  if (found.type === "removed") return metadata.workOf(found.id!).remove === true;
  const id = /^new-(\d+)\./.exec(name)?.[1];
  return id !== undefined && metadata.workOf(Number(id)).copy === true;
}

function entriesOf(directory: string): { readonly name: string; readonly isDirectory: boolean }[] {
  return readdirSync(directory, { withFileTypes: true }).map((entry) => ({
    name: entry.name,
    isDirectory: entry.isDirectory(),
  }));
}
