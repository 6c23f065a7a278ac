import { alreadyExists, invalid, notFound, precondition } from "./errors.js";
import type { Metadata, Work } from "./metadata.js";
import type { Flush, Record } from "./records.js";
import { type CopyState, type Info, type Kind, type Ref, refPath, type Usage } from "./types.js";

type Labels = Readonly<globalThis.Record<string, string>>;

/** A snapshot that is to be recorded. */
export interface NewSnapshot extends Ref {
  readonly parent: string | undefined;
  readonly labels: Labels | undefined;
  readonly copy: CopyState | undefined;
  /** Of a copy that is complete. */
  readonly method?: string | undefined;
}

/** How many names a message lists. */
const MOST_NAMES = 5;

/**
 * What may be done with snapshots, and what it changes in the metadata. Nothing here touches a directory. Pre- and
 * postconditions and their precedence are those of containerd's storage package (core/snapshots/storage/bolt.go), with a
 * namespace for each kind. Every method that changes something must run within a transaction.
 */
export class Catalog {
  constructor(
    private readonly metadata: Metadata,
    private readonly now: () => number = Date.now,
  ) {}

  /** @throws StoreError NotFound */
  require(ref: Ref, role = ""): Info {
    const id = this.metadata.find(ref.kind, ref.key);
    const info = id === undefined ? undefined : this.metadata.info(id);
    if (info === undefined) throw notFound(ref, role);
    return info;
  }

  /** @returns the parent, or undefined without one. @throws StoreError what forbids such a snapshot */
  checkNew(snapshot: Pick<NewSnapshot, "kind" | "key" | "parent">): Info | undefined {
    requireKey(snapshot.key);
    const { parent } = snapshot;
    if (parent !== undefined) requireKey(parent);
    const found =
      parent === undefined ? undefined : this.require({ kind: "committed", key: parent }, "the parent ");
    if (this.metadata.find(snapshot.kind, snapshot.key) !== undefined) throw alreadyExists(snapshot);
    return found;
  }

  create(snapshot: NewSnapshot): number {
    const parent = this.checkNew(snapshot);
    const id = this.metadata.takeId();
    const now = this.now();
    const record: Record = {
      kind: snapshot.kind,
      key: snapshot.key,
      ...(parent && { parentId: parent.id }),
      labels: withoutEmpty(snapshot.labels ?? {}),
      created: now,
      updated: now,
      ...(snapshot.copy && { copy: snapshot.copy }),
      ...(snapshot.method !== undefined && { method: snapshot.method }),
    };
    this.metadata.put(id, record);
    this.metadata.link(id, record);
    if (parent !== undefined) this.metadata.addChild(parent.id, id);
    if (snapshot.copy !== undefined) this.metadata.setWork(id, { copy: true });
    return id;
  }

  /** Makes an active snapshot a committed one; labels are those given, never the former ones. */
  commit(name: string, key: string, labels: Labels | undefined, where: Omit<Flush, "formerKey">): number {
    requireKey(name);
    const { id } = this.require({ kind: "active", key });
    const taken = { kind: "committed", key: name } as const;
    if (this.metadata.find(taken.kind, name) !== undefined) throw alreadyExists(taken);
    const former = this.metadata.get(id)!;
    const now = this.now();
    const record: Record = {
      ...former,
      kind: "committed",
      key: name,
      labels: withoutEmpty(labels ?? {}),
      created: now,
      updated: now,
      flush: { ...where, formerKey: key },
    };
    this.replace(id, former, record);
    this.metadata.setWork(id, { ...this.metadata.workOf(id), flush: true });
    return id;
  }

  /** Takes a snapshot out of the metadata, and notes that its directory is to be deleted. */
  remove(ref: Ref): Info {
    const info = this.require(ref);
    const children = this.metadata.childIds(info.id, MOST_NAMES + 1).map((id) => this.metadata.info(id));
    if (children.length > 0) {
      const names = children
        .slice(0, MOST_NAMES)
        .map((child) => (child ? refPath(child) : "?"))
        .join(", ");
      const more = children.length > MOST_NAMES ? " and others" : "";
      throw precondition(
        `cannot remove ${refPath(ref)}: made from it are ${names}${more}: remove these first`,
      );
    }
    if (info.hold !== undefined) {
      throw precondition(`cannot remove ${refPath(ref)}: it is held (${info.hold}): release it first`);
    }
    this.metadata.unlink(info);
    this.metadata.drop(info.id);
    if (info.parentId !== undefined) this.metadata.removeChild(info.parentId, info.id);
    this.metadata.setWork(info.id, { remove: true });
    return info;
  }

  rename(ref: Ref, key: string): number {
    requireKey(key);
    const { id } = this.require(ref);
    if (key === ref.key) return id;
    const target = { kind: ref.kind, key };
    if (this.metadata.find(target.kind, key) !== undefined) throw alreadyExists(target);
    const former = this.metadata.get(id)!;
    this.replace(id, former, { ...former, key, updated: this.now() });
    return id;
  }

  /** @param fields none or `labels`: all labels; `labels.KEY`: that one, which "" or its absence removes */
  update(ref: Ref, labels: Labels, fields: readonly string[]): number {
    const { id } = this.require(ref);
    const former = this.metadata.get(id)!;
    let next: { [key: string]: string } = { ...former.labels };
    for (const field of fields.length === 0 ? ["labels"] : fields) {
      if (field === "labels") next = { ...labels };
      else if (field.startsWith("labels.")) {
        const key = field.slice("labels.".length);
        if (key === "") throw invalid(`a label of ${refPath(ref)} needs a name`);
        next[key] = Object.hasOwn(labels, key) ? labels[key]! : "";
      } else throw invalid(`the field ${field} of ${refPath(ref)} cannot be changed: only labels can`);
    }
    if (Object.hasOwn(next, "")) throw invalid(`a label of ${refPath(ref)} needs a name`);
    this.metadata.put(id, { ...former, labels: withoutEmpty(next), updated: this.now() });
    return id;
  }

  hold(ref: Ref, reason: string | undefined): number {
    const { id } = this.require(ref);
    const { hold: _, ...rest } = this.metadata.get(id)!;
    const held = reason === undefined || reason === "" ? {} : { hold: reason };
    this.metadata.put(id, { ...rest, ...held, updated: this.now() });
    return id;
  }

  /** Notes that the copy of a parent is complete, and how it was made. The snapshot may have gone meanwhile. */
  copied(id: number, method: string): void {
    this.endCopy(id, { method }, { copied: true });
  }

  /** Notes that the copy of a parent has failed. The snapshot may have gone meanwhile. */
  copyFailed(id: number, copy: CopyState & { readonly state: "failed" }): void {
    this.endCopy(id, { copy }, {});
  }

  private endCopy(id: number, state: Pick<Record, "copy" | "method">, more: Work): void {
    const record = this.metadata.get(id);
    if (record === undefined) return;
    const { copy: _, ...rest } = record;
    this.metadata.put(id, { ...rest, ...state });
    const { copy: __, verify: ___, ...work } = this.metadata.workOf(id);
    this.metadata.setWork(id, { ...work, ...more });
  }

  /** Notes that a complete copy is on the disk. */
  copyFlushed(id: number): void {
    const { copied: _, ...work } = this.metadata.workOf(id);
    if (this.metadata.get(id) !== undefined) this.metadata.setWork(id, work);
  }

  /** Takes copied() back: what was copied may not have reached the disk. */
  recopy(id: number): void {
    const { copied: _, ...work } = this.metadata.workOf(id);
    this.metadata.put(id, { ...this.metadata.get(id)!, copy: { state: "pending" } });
    this.metadata.setWork(id, { ...work, copy: true, verify: true });
  }

  /** Notes that a commit is on the disk. It may have gone meanwhile. */
  flushed(id: number): void {
    const record = this.metadata.get(id);
    if (record?.flush === undefined) return;
    const { flush: _, ...rest } = record;
    this.metadata.put(id, rest);
    const { flush: __, ...work } = this.metadata.workOf(id);
    this.metadata.setWork(id, { ...work, count: true });
  }

  /** Notes what a committed snapshot takes up. It may have gone meanwhile. */
  counted(id: number, usage: Usage): void {
    const record = this.metadata.get(id);
    if (record === undefined) return;
    this.metadata.put(id, { ...record, usage });
    const { count: _, ...work } = this.metadata.workOf(id);
    this.metadata.setWork(id, work);
  }

  private replace(id: number, former: Record, next: Record): void {
    this.metadata.unlink(former);
    this.metadata.put(id, next);
    this.metadata.link(id, next);
  }

  /** Makes a commit that did not reach the disk active again. @returns its key now */
  revert(id: number): string {
    const { flush, usage: _, ...former } = this.metadata.get(id)!;
    let key = flush?.formerKey ?? former.key;
    while (this.metadata.find("active", key) !== undefined) key += "~";
    this.replace(id, former, { ...former, kind: "active", key, updated: this.now() });
    const { flush: __, ...work } = this.metadata.workOf(id);
    this.metadata.setWork(id, work);
    return key;
  }

  /** Records a directory that no record tells of, as an active snapshot. @returns its key */
  adopt(id: number): string {
    let key = `recovered-${id}`;
    while (this.metadata.find("active", key) !== undefined) key += "~";
    const now = this.now();
    const record: Record = { kind: "active", key, labels: {}, created: now, updated: now };
    this.metadata.useUp(id);
    this.metadata.put(id, record);
    this.metadata.link(id, record);
    return key;
  }

  /** Puts a record under its name again, or under another one when that is taken. @returns its key now */
  nameAgain(id: number): string {
    const record = this.metadata.get(id)!;
    let { key } = record;
    for (let taken = this.metadata.find(record.kind, key); taken !== undefined && taken !== id; ) {
      key += "~";
      taken = this.metadata.find(record.kind, key);
    }
    this.metadata.put(id, { ...record, key });
    this.metadata.link(id, record.key === key ? record : { ...record, key });
    return key;
  }

  /** Cuts the link to a parent. */
  orphan(id: number): void {
    const { parentId, ...rest } = this.metadata.get(id)!;
    if (parentId === undefined) return;
    this.metadata.put(id, rest);
    this.metadata.removeChild(parentId, id);
  }

  /** Takes out a record that has no directory, and views of it, which have none of their own. */
  forget(info: Info): void {
    for (const id of this.metadata.childIds(info.id)) {
      const child = this.metadata.info(id);
      if (child?.kind === "view") this.forget(child);
      else this.orphan(id);
    }
    this.metadata.unlink(info);
    this.metadata.drop(info.id);
    if (info.parentId !== undefined) this.metadata.removeChild(info.parentId, info.id);
    this.metadata.setWork(info.id, {});
  }
}

function requireKey(key: string): void {
  if (key === "") throw invalid("a snapshot needs a name that is not empty");
}

function withoutEmpty(labels: Labels): Labels {
  return Object.fromEntries(Object.entries(labels).filter(([, value]) => value !== ""));
}

/** @returns whether a kind owns a directory: a view of a parent shows the parent's */
export function ownsDirectory(kind: Kind, parentId: number | undefined): boolean {
  return kind !== "view" || parentId === undefined;
}
