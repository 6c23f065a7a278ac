import { type Database, open, type RootDatabase } from "lmdb";
import { EINVAL } from "../sys/errno.js";
import type { ReaderTable } from "./reader-table.js";
import { afterKind, idBytes, keyBytes, linkBytes, type Record } from "./records.js";
import { Room } from "./room.js";
import { Transactions } from "./transactions.js";
import { type Info, type Kind, type Ref, StoreError } from "./types.js";

/** The schema that this version reads and writes. */
export const SCHEMA = 1;

/** What is to be done for a snapshot after a restart. */
export interface Work {
  readonly copy?: true;
  /** What was copied before may not have reached the disk. */
  readonly verify?: true;
  /** Its copy is complete, but not known to be on the disk. */
  readonly copied?: true;
  readonly flush?: true;
  /** Its usage is not recorded yet. */
  readonly count?: true;
  readonly remove?: true;
}

/**
 * The metadata: snapshots by id, ids by kind and key, links to children, settings, and what is under way.
 * Reads see the latest state; writes must be made within transaction().
 */
export class Metadata {
  private readonly root: RootDatabase<unknown, Buffer>;
  private readonly snapshots: Database<Record, Buffer>;
  private readonly keys: Database<number, Buffer>;
  private readonly children: Database<number, Buffer>;
  private readonly settings: Database<unknown, string>;
  private readonly work: Database<Work, Buffer>;
  private readonly transactions: Transactions;

  /**
   * @param path of the database file
   * @param isTrusted whether all that was written before is there: false when the machine or the disk may have stopped
   * since then. The state is then the last that was flushed, for only that is known to be consistent.
   * @param readers where LMDB's table of readers is, when that has its own place; removed when this is closed
   */
  constructor(
    path: string,
    readOnly: boolean,
    isTrusted = true,
    private readonly readers?: ReaderTable,
  ) {
    this.root = open({
      path,
      noSubdir: true,
      maxDbs: 8,
      readOnly,
      keyEncoding: "binary",
      // Documented, but missing from its types.
      ...({ safeRestore: !isTrusted } as object),
    });
    const binary = { keyEncoding: "binary" } as const;
    this.snapshots = this.root.openDB({ name: "snapshots", ...binary });
    this.keys = this.root.openDB({ name: "keys", ...binary });
    this.children = this.root.openDB({ name: "children", ...binary });
    this.settings = this.root.openDB({ name: "settings" });
    this.work = this.root.openDB({ name: "work", ...binary });
    this.transactions = new Transactions(this.root, this.settings, readOnly ? undefined : new Room(path));
  }

  /** For threads that do not return to the event loop, where lmdb would let go of its snapshot: sees later changes. */
  refresh(): void {
    this.root.resetReadTxn();
  }

  /**
   * Sees to it that the schema is this version's.
   * @throws StoreError when a newer version has made it
   */
  checkSchema(directory: string): void {
    const found = this.settings.get("schema");
    if (found === undefined) this.transaction(() => this.setSchema(SCHEMA));
    else if (typeof found !== "number" || found > SCHEMA) {
      const message = `the store ${directory} has schema ${String(found)}, this version knows up to ${SCHEMA}: use the version of snapmount that made it, or a later one`;
      throw new StoreError("InvalidArgument", EINVAL, message);
    }
  }

  /** Notes which version of the layout the store has. */
  setSchema(version: number): void {
    this.settings.putSync("schema", version);
  }

  /** See Transactions.write. */
  write<T>(work: () => T, undo: readonly (() => void)[] = [], ahead?: () => void): Promise<T> {
    return this.transactions.write(work, undo, ahead);
  }

  /** See Transactions.transaction. */
  transaction<T>(work: () => T, undo: readonly (() => void)[] = []): T {
    return this.transactions.transaction(work, undo);
  }

  /** Resolves when all that was changed before is on the disk. */
  durable(): Promise<void> {
    return this.transactions.durable();
  }

  get(id: number): Record | undefined {
    return this.snapshots.get(idBytes(id));
  }

  find(kind: Kind, key: string): number | undefined {
    return this.keys.get(keyBytes(kind, key));
  }

  put(id: number, record: Record): void {
    this.snapshots.putSync(idBytes(id), record);
  }

  /** Puts a snapshot under its name. */
  link(id: number, record: Record): void {
    this.keys.putSync(keyBytes(record.kind, record.key), id);
  }

  unlink(ref: Ref): void {
    this.keys.removeSync(keyBytes(ref.kind, ref.key));
  }

  addChild(parent: number, child: number): void {
    this.children.putSync(linkBytes(parent, child), child);
  }

  removeChild(parent: number, child: number): void {
    this.children.removeSync(linkBytes(parent, child));
  }

  drop(id: number): void {
    this.snapshots.removeSync(idBytes(id));
  }

  /** The id that the next snapshot gets. */
  get nextId(): number {
    return (this.settings.get("nextId") as number | undefined) ?? 1;
  }

  takeId(): number {
    const id = this.nextId;
    this.settings.putSync("nextId", id + 1);
    return id;
  }

  /** Sees to it that an id is not given to another snapshot. */
  useUp(id: number): void {
    if (id >= this.nextId) this.settings.putSync("nextId", id + 1);
  }

  setWork(id: number, work: Work): void {
    if (Object.keys(work).length === 0) this.work.removeSync(idBytes(id));
    else this.work.putSync(idBytes(id), work);
  }

  workOf(id: number): Work {
    return this.work.get(idBytes(id)) ?? {};
  }

  /** All that is under way. */
  allWork(): [number, Work][] {
    return [...this.work.getRange()].map(({ key, value }) => [Number(key.readBigUInt64BE()), value]);
  }

  /** The ids of all records; in a fraction of the time that reading these takes. */
  recordIds(): Set<number> {
    return new Set(this.snapshots.getKeys().map((key) => Number(key.readBigUInt64BE())));
  }

  /** Every record as it stands, with its id. */
  *records(): Generator<[number, Record]> {
    for (const { key, value } of this.snapshots.getRange()) yield [Number(key.readBigUInt64BE()), value];
  }

  /** Every name as it stands: the database's key, and the id. */
  *names(): Generator<[Buffer, number]> {
    for (const { key, value } of this.keys.getRange()) yield [key, value];
  }

  /** Every link as it stands: from which parent, and to which child. */
  *links(): Generator<[number, number]> {
    for (const { key, value } of this.children.getRange()) yield [Number(key.readBigUInt64BE()), value];
  }

  /** Takes a name out by the database's key. */
  dropName(key: Buffer): void {
    this.keys.removeSync(key);
  }

  setting(name: string): string | undefined {
    return this.settings.get(`user.${name}`) as string | undefined;
  }

  setSetting(name: string, value: string | undefined): void {
    if (value === undefined) this.settings.removeSync(`user.${name}`);
    else this.settings.putSync(`user.${name}`, value);
  }

  /** @returns ids of a kind in the order of their keys' bytes */
  ids(kind: Kind, after: string | undefined, limit: number): number[] {
    const start = after === undefined ? keyBytes(kind, "") : successor(keyBytes(kind, after));
    return [...this.keys.getRange({ start, end: afterKind(kind), limit })].map(({ value }) => value);
  }

  /** @param after a child's id after which to start */
  childIds(parent: number, limit?: number, after = 0): number[] {
    const range = {
      start: linkBytes(parent, after + 1),
      end: idBytes(parent + 1),
      ...(limit === undefined ? {} : { limit }),
    };
    return [...this.children.getRange(range)].map(({ value }) => value);
  }

  /** @returns what users see of a snapshot */
  info(id: number): Info | undefined {
    const record = this.get(id);
    if (record === undefined) return undefined;
    const parent = record.parentId === undefined ? undefined : this.get(record.parentId)?.key;
    return {
      id,
      kind: record.kind,
      key: record.key,
      parent,
      parentId: record.parentId,
      labels: record.labels,
      created: record.created,
      updated: record.updated,
      usage: record.usage,
      copy: record.copy,
      method: record.method,
      flush: record.flush,
      hold: record.hold,
    };
  }

  async close(): Promise<void> {
    await this.transactions.end();
    await this.root.close();
    this.transactions.close();
    this.readers?.remove();
  }
}

function successor(key: Buffer): Buffer {
  return Buffer.concat([key, Buffer.alloc(1)]);
}
