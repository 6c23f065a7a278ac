import type { RawName } from "../base/bytes.js";
import { log } from "../base/log.js";
import { EIO } from "../sys/errno.js";
import { Background, type Ground } from "./background.js";
import { Catalog, ownsDirectory } from "./catalog.js";
import { ChangeLists } from "./change-lists.js";
import type { ChangeBatch } from "./compare/comparisons.js";
import type { CopyEngine } from "./copy/types.js";
import { Creation } from "./creation.js";
import { closed, fromSystem, precondition, readOnly } from "./errors.js";
import { compileFilters } from "./filter.js";
import { Layout } from "./layout.js";
import { type Mounted, StoreLock } from "./lock.js";
import type { Metadata } from "./metadata.js";
import type { CopyAhead, Need } from "./pending.js";
import { MetadataReader, openMetadata } from "./reader.js";
import { bootId, Recovery } from "./recovery.js";
import {
  type CreateOptions,
  contentId,
  type Info,
  type Mount,
  type Ref,
  refPath,
  type Snapshotter,
  StoreError,
  type StoreReader,
  type Usage,
} from "./types.js";

const trace = log("store");
const PAGE = 256;

/** A snapshot that has changed, or has gone. */
export interface Change {
  readonly id: number;
  readonly info: Info | undefined;
}

export interface StoreOptions {
  /** Closed by the store. */
  readonly engine: CopyEngine;
  readonly readOnly?: boolean;
}

/**
 * Opens a store, which is made when its directory is empty, and finishes or undoes what was under way when it was left.
 * @param directory absolute path of an existing directory
 * @throws StoreError when somebody else has it, a newer version has made it, or it cannot be used
 */
export async function openStore(directory: string, options: StoreOptions): Promise<Store> {
  const lock = StoreLock.take(directory);
  try {
    const layout = new Layout(directory);
    const isTrusted = lock.takeOver({ boot: bootId(), mount: layout.mountId() });
    const metadata = openMetadata(directory, isTrusted);
    try {
      metadata.checkSchema(directory);
      return new Store(lock, layout, metadata, options, isTrusted);
    } catch (error) {
      await metadata.close();
      layout.close();
      throw error;
    }
  } catch (error) {
    lock.release();
    await options.engine.close();
    throw fromSystem(error, `opening the store ${directory}`);
  }
}

/** The native snapshotter: each snapshot a directory, metadata in LMDB. One process has it at a time. */
export class Store implements Snapshotter, CopyAhead {
  readonly reader: StoreReader;
  /** What users should know of the recovery. */
  readonly recovered: readonly string[];
  private readonly ground: Ground;
  private readonly background: Background;
  private readonly creation: Creation;
  private readonly recovery: Recovery;
  private readonly listeners: ((change: Change) => void)[] = [];
  private readonly boot = bootId();
  private readonly changeLists: ChangeLists;
  private closing: Promise<void> | undefined;

  /** Use openStore. */
  constructor(
    private readonly lock: StoreLock,
    layout: Layout,
    metadata: Metadata,
    private readonly options: StoreOptions,
    isTrusted: boolean,
  ) {
    this.ground = {
      metadata,
      layout,
      engine: options.engine,
      catalog: new Catalog(metadata),
      changed: (id) => this.tell(id),
    };
    this.background = new Background(this.ground);
    this.creation = new Creation(this.ground, this.background);
    this.reader = new MetadataReader(metadata, layout.directory, false);
    this.changeLists = new ChangeLists(this.reader);
    this.recovery = new Recovery(this.ground, this.background, this.creation, this.boot);
    this.recovery.run(isTrusted);
    this.recovered = this.recovery.messages;
    for (const message of this.recovered) trace("%s", message);
  }

  /** Calls back after every change, also those of background work. */
  onChange(listener: (change: Change) => void): void {
    this.listeners.push(listener);
  }

  /** Writes down where the store is mounted, for those who find it locked. */
  setLockInfo(info: Mounted): void {
    this.lock.tell(info);
  }

  /** Makes the first prepare as fast as those that follow. */
  warm(): void {
    if (this.options.readOnly !== true) this.options.engine.warm?.();
  }

  async prepare(key: string, parent: string | undefined, options: CreateOptions = {}): Promise<Info> {
    this.requireWritable();
    return this.told(await this.creation.create("active", key, parent, options));
  }

  async view(key: string, parent: string | undefined, options: CreateOptions = {}): Promise<Info> {
    this.requireWritable();
    return this.told(await this.creation.create("view", key, parent, options));
  }

  async commit(name: string, key: string, labels?: Readonly<Record<string, string>>): Promise<Info> {
    const { layout } = this.ground;
    const info = await this.change((catalog) => {
      const { copy } = catalog.require({ kind: "active", key });
      if (copy?.state === "failed")
        throw precondition(`cannot commit active/${key}: its copy failed at ${copy.what}; remove it`);
      return catalog.commit(name, key, labels, { boot: this.boot, mount: layout.mountId() });
    }, `committing active/${key}`);
    this.background.settle(info.id);
    return info;
  }

  async remove(ref: Ref): Promise<void> {
    const { metadata, catalog, layout } = this.ground;
    this.requireWritable();
    try {
      const undo: (() => void)[] = [];
      const info = await metadata.write(() => {
        const removed = catalog.remove(ref);
        this.creation.requireUnpinned(removed);
        if (ownsDirectory(removed.kind, removed.parentId) && layout.discard(removed.id))
          undo.push(() => layout.restore(removed.id));
        return removed;
      }, undo);
      this.background.delete(info);
      this.tell(info.id);
    } catch (error) {
      throw fromSystem(error, `removing ${refPath(ref)}`);
    }
  }

  async rename(ref: Ref, key: string): Promise<Info> {
    return this.change((catalog) => catalog.rename(ref, key), `renaming ${refPath(ref)}`);
  }

  async update(ref: Ref, labels: Readonly<Record<string, string>>, ...fields: string[]): Promise<Info> {
    return this.change((catalog) => catalog.update(ref, labels, fields), `labelling ${refPath(ref)}`);
  }

  async hold(ref: Ref, reason: string | undefined): Promise<Info> {
    return this.change((catalog) => catalog.hold(ref, reason), `holding ${refPath(ref)}`);
  }

  async stat(ref: Ref): Promise<Info> {
    this.requireOpen();
    return this.ground.catalog.require(ref);
  }

  async mounts(ref: Ref): Promise<readonly Mount[]> {
    const { kind } = await this.stat(ref);
    if (kind === "committed")
      throw precondition(`${refPath(ref)} cannot be mounted for writing: make a view or an active one of it`);
    const source = await this.path(ref);
    return [{ type: "bind", source, options: ["rbind", kind === "active" ? "rw" : "ro"] }];
  }

  async path(ref: Ref): Promise<string> {
    const content = contentId(await this.stat(ref));
    await this.whenCopied(content);
    return this.ground.layout.path(content);
  }

  async usage(ref: Ref): Promise<Usage> {
    const info = await this.stat(ref);
    if (info.usage !== undefined) return info.usage;
    if (info.kind === "view") return { inodes: 0, size: 0 };
    await this.whenCopied(info.id);
    try {
      return await this.ground.engine.usage(this.ground.layout.path(info.id));
    } catch (error) {
      throw fromSystem(error, `counting ${refPath(ref)}`);
    }
  }

  async openChanges(ref: Ref): Promise<number> {
    const info = await this.stat(ref);
    const after = await this.path(ref);
    if (info.parentId === undefined) return this.changeLists.open(info, undefined, after);
    await this.whenCopied(info.parentId);
    return this.changeLists.open(info, this.ground.layout.path(info.parentId), after);
  }

  async nextChanges(list: number): Promise<ChangeBatch> {
    return await this.changeLists.next(list);
  }

  async closeChanges(list: number): Promise<void> {
    this.changeLists.close(list);
  }

  async walk(visit: (info: Info) => void | Promise<void>, ...filters: string[]): Promise<void> {
    this.requireOpen();
    const matches = compileFilters(filters);
    for (const kind of ["active", "committed", "view"] as const) {
      for (let page = this.reader.list(kind, undefined, PAGE); page.length > 0; ) {
        for (const info of page) if (matches(info)) await visit(info);
        page = this.reader.list(kind, page.at(-1)!.key, PAGE);
      }
    }
  }

  async whenCopied(id: number): Promise<boolean> {
    await this.background.whenCopied(id);
    const info = this.reader.getById(id);
    if (info?.copy?.state !== "failed") return info !== undefined;
    throw new StoreError("Io", info.copy.errno, `the copy of ${refPath(info)} failed at ${info.copy.what}`);
  }

  async whenDurable(id: number): Promise<void> {
    await this.background.whenSettled(id);
    const info = this.reader.getById(id);
    if (info?.flush !== undefined) throw new StoreError("Io", EIO, `${refPath(info)} is not on the disk`);
  }

  async progress(id: number): Promise<number> {
    const entries = this.background.job(id)?.entries();
    if (entries === undefined) return 100;
    const parent = this.reader.getById(id)?.parentId;
    const total = parent === undefined ? undefined : this.reader.getById(parent)?.usage?.inodes;
    // Names of one inode count each, so more may have been copied than there are inodes.
    return total === undefined ? 0 : Math.min(99, (100 * entries) / total);
  }

  async setSetting(name: string, value: string | undefined): Promise<void> {
    const { metadata } = this.ground;
    this.requireWritable();
    try {
      await metadata.write(() => metadata.setSetting(name, value));
    } catch (error) {
      throw fromSystem(error, `setting ${name}`);
    }
  }

  async cleanup(): Promise<void> {
    this.requireOpen();
    await this.background.whenDeleted();
  }

  async expand(id: number, path: RawName, next?: RawName): Promise<number> {
    return (await this.background.job(id)?.expand(path, next)) ?? this.copyFailure(id);
  }

  async fill(id: number, path: RawName, need: Need): Promise<number> {
    return (await this.background.job(id)?.fill(path, need)) ?? this.copyFailure(id);
  }

  async complete(id: number, path: RawName): Promise<number> {
    return (await this.background.job(id)?.complete(path)) ?? this.copyFailure(id);
  }

  /** @returns what is answered for something that was not copied when no copy is under way */
  private copyFailure(id: number): number {
    const copy = this.reader.getById(id)?.copy;
    return copy?.state === "failed" ? -copy.errno : 0;
  }

  close(): Promise<void> {
    this.closing ??= this.finish();
    return this.closing;
  }

  private async finish(): Promise<void> {
    const { metadata, layout } = this.ground;
    try {
      await this.changeLists.end();
      if (await this.background.close()) await this.recovery.markClean();
      await metadata.durable();
    } finally {
      await metadata.close();
      layout.close();
      this.lock.release();
    }
  }

  private async change(work: (catalog: Catalog) => number, what: string): Promise<Info> {
    const { metadata, catalog } = this.ground;
    this.requireWritable();
    try {
      return this.told(metadata.info(await metadata.write(() => work(catalog)))!);
    } catch (error) {
      throw fromSystem(error, what);
    }
  }

  private told(info: Info): Info {
    this.tell(info.id);
    return info;
  }

  private tell(id: number): void {
    const info = this.ground.metadata.info(id);
    for (const listener of this.listeners) listener({ id, info });
  }

  private requireOpen(): void {
    if (this.closing !== undefined) throw closed();
  }

  private requireWritable(): void {
    this.requireOpen();
    if (this.options.readOnly === true) throw readOnly();
  }
}
