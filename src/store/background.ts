import { log } from "../base/log.js";
import { ECANCELED } from "../sys/errno.js";
import { SysError } from "../sys/error.js";
import { type Catalog, ownsDirectory } from "./catalog.js";
import type { CopyEngine, CopyJob } from "./copy/types.js";
import type { Layout } from "./layout.js";
import type { Metadata } from "./metadata.js";
import type { Info, Usage } from "./types.js";

const trace = log("store");
/** After so many milliseconds a complete copy is brought to the disk: about when the kernel would begin by itself. */
const FLUSH_DELAY_MS = 5000;

/** What the operations of the store have in common. */
export interface Ground {
  readonly metadata: Metadata;
  readonly catalog: Catalog;
  readonly layout: Layout;
  readonly engine: CopyEngine;
  /** Tells everybody that a snapshot has changed. */
  changed(id: number): void;
}

/**
 * @param id of what is copied, or undefined for nothing
 * @returns what a copy takes up: what was counted of its source or, until that is, of what this was made from
 */
export function expectedUsage(metadata: Metadata, id: number | undefined): Usage {
  for (let at = id; at !== undefined; ) {
    const record = metadata.get(at);
    if (record?.usage !== undefined) return record.usage;
    at = record?.parentId;
  }
  return { size: 0, inodes: 0 };
}

/** The slow work that follows an operation: copying, flushing, counting, deleting. */
export class Background {
  private readonly jobs = new Map<number, CopyJob>();
  /** Copies until they are recorded as complete. */
  private readonly copies = new Map<number, Promise<void>>();
  private readonly commits = new Map<number, Promise<void>>();
  private readonly counts = new Map<number, Promise<void>>();
  private lastFlush: Promise<void> = Promise.resolve();
  private nextFlush: Promise<void> | undefined;
  private readonly deletions = new Map<number, Promise<void>>();
  /** Complete copies that are not known to be on the disk. */
  private readonly unflushed = new Set<number>();
  private flushing: NodeJS.Timeout | undefined;
  /** Directories that no record tells of, while they are deleted. */
  private readonly strays = new Set<Promise<void>>();
  private closing = false;
  private hasLeftStrays = false;

  constructor(private readonly ground: Ground) {}

  job(id: number): CopyJob | undefined {
    return this.jobs.get(id);
  }

  /** @returns what copies that are under way are still going to take up, as far as their sources have been counted */
  outstanding(): Usage {
    const { metadata } = this.ground;
    let [size, inodes] = [0, 0];
    for (const [id, job] of this.jobs) {
      const usage = expectedUsage(metadata, metadata.get(id)?.parentId);
      // Names of one inode count each, so more may have been copied than there are inodes.
      const left = Math.max(0, 1 - job.entries() / Math.max(1, usage.inodes));
      size += left * usage.size;
      inodes += left * usage.inodes;
    }
    return { size: Math.ceil(size), inodes: Math.ceil(inodes) };
  }

  /** Follows a copy that has begun, and records how it ends. */
  follow(id: number, job: CopyJob): void {
    this.jobs.set(id, job);
    const followed = this.finishCopy(id, job).finally(() => this.copies.delete(id));
    this.copies.set(id, followed);
    const { layout } = this.ground;
    job.start(layout.path(id), layout.beside(id));
  }

  private async finishCopy(id: number, job: CopyJob): Promise<void> {
    const { metadata, catalog, changed } = this.ground;
    try {
      await job.done;
      await metadata.write(() => catalog.copied(id, job.method));
      this.flushSoon(id);
      trace("%d is copied", id);
    } catch (error) {
      if (!(error instanceof SysError)) throw error;
      if (error.errno === ECANCELED) return;
      trace("the copy of %d failed: %s", id, error.message);
      const state = { state: "failed", errno: error.errno, what: error.subject } as const;
      await metadata.write(() => catalog.copyFailed(id, state));
    } finally {
      this.jobs.delete(id);
    }
    changed(id);
  }

  /** Brings a complete copy to the disk, not at once: until then its users have the disk for themselves. */
  flushSoon(id: number): void {
    this.unflushed.add(id);
    if (this.closing || this.flushing !== undefined) return;
    this.flushing = setTimeout(() => {
      this.flushCopies()
        .catch((error: unknown) => trace("copies are not flushed: %O", error))
        .finally(() => {
          this.flushing = undefined;
          const [first] = this.unflushed;
          if (first !== undefined) this.flushSoon(first);
        });
    }, FLUSH_DELAY_MS);
    this.flushing.unref();
  }

  private async flushCopies(): Promise<void> {
    const { metadata, catalog, engine, layout } = this.ground;
    const ids = [...this.unflushed];
    await engine.flush(layout.snapshots);
    if (this.closing) return;
    for (const id of ids) this.unflushed.delete(id);
    await metadata.write(() => {
      for (const id of ids) catalog.copyFlushed(id);
    });
  }

  /** Resolves when the copy is recorded as complete or failed, at once when none is under way. */
  async whenCopied(id: number): Promise<void> {
    await this.copies.get(id);
  }

  /** Stops a copy, and waits until nothing is written any more. */
  async cancelCopy(id: number): Promise<void> {
    this.jobs.get(id)?.cancel();
    await this.copies.get(id);
  }

  /** Brings a commit to the disk and counts what it takes up. */
  settle(id: number): void {
    const settled = this.finishCommit(id)
      .catch((error: unknown) => {
        if (error instanceof SysError && error.errno === ECANCELED) return;
        trace("the commit %d is not flushed: %O", id, error);
      })
      .finally(() => this.commits.delete(id));
    this.commits.set(id, settled);
  }

  private async finishCommit(id: number): Promise<void> {
    const { metadata, catalog, changed } = this.ground;
    await this.whenCopied(id);
    // What it was made from comes first, or a power cut in between would cut it off from that.
    const parent = metadata.get(id)?.parentId;
    if (parent !== undefined) await this.whenSettled(parent);
    const info = metadata.info(id);
    if (this.closing || info === undefined || info.copy !== undefined) return;
    await this.flush();
    await metadata.write(() => catalog.flushed(id));
    await metadata.durable();
    changed(id);
    trace("%d is on the disk", id);
    this.count(id);
  }

  /** Flushes all that was written before. Those who ask while one flush is under way share the next. */
  private flush(): Promise<void> {
    const { engine, layout } = this.ground;
    this.nextFlush ??= this.lastFlush
      // Whether that one failed is for those to know who wait for it.
      .catch((error: unknown) => trace("a flush has failed: %O", error))
      .then(() => {
        this.nextFlush = undefined;
        this.lastFlush = engine.flush(layout.snapshots);
        return this.lastFlush;
      });
    return this.nextFlush;
  }

  /** Counts what a committed snapshot takes up, and records it; what fails is tried again when the store is opened. */
  count(id: number): void {
    const counted = this.finishCount(id)
      .catch((error: unknown) => {
        if (error instanceof SysError && error.errno === ECANCELED) return;
        trace("%d is not counted: %O", id, error);
      })
      .finally(() => this.counts.delete(id));
    this.counts.set(id, counted);
  }

  private async finishCount(id: number): Promise<void> {
    const { metadata, catalog, engine, layout, changed } = this.ground;
    if (this.closing) return;
    const usage = await engine.usage(layout.path(id));
    await metadata.write(() => catalog.counted(id, usage));
    changed(id);
  }

  async whenSettled(id: number): Promise<void> {
    await this.commits.get(id);
  }

  /** Deletes the directory that a removed snapshot has left; what fails is tried again when the store is opened. */
  delete(info: Pick<Info, "id" | "kind" | "parentId">): void {
    const { id } = info;
    if (this.deletions.has(id)) return;
    const deleted = this.finishDelete(id, ownsDirectory(info.kind, info.parentId))
      .catch((error: unknown) => {
        if (error instanceof SysError && error.errno === ECANCELED) return;
        trace("%d is not deleted: %O", id, error);
      })
      .finally(() => this.deletions.delete(id));
    this.deletions.set(id, deleted);
  }

  private async finishDelete(id: number, hasDirectory: boolean): Promise<void> {
    const { metadata, engine, layout } = this.ground;
    if (hasDirectory) {
      await this.cancelCopy(id);
      // Only what is gone for good is deleted: a power cut could bring the record back.
      await metadata.durable();
      await engine.deleteTree(layout.removedPath(id));
      for (const left of Object.values(layout.beside(id))) await engine.deleteTree(left);
    }
    await metadata.write(() => metadata.setWork(id, {}));
    trace("%d is deleted", id);
  }

  /** Deletes something that no record tells of. */
  async deleteStray(path: string): Promise<void> {
    const deleted = this.finishStray(path);
    this.strays.add(deleted);
    await deleted;
    this.strays.delete(deleted);
  }

  private async finishStray(path: string): Promise<void> {
    try {
      await this.ground.engine.deleteTree(path);
    } catch (error) {
      if (!(error instanceof SysError)) throw error;
      this.hasLeftStrays = true;
      trace("%s is not deleted: %s", path, error.message);
    }
  }

  async whenDeleted(): Promise<void> {
    await Promise.all([...this.deletions.values(), ...this.strays]);
  }

  /**
   * Ends all work in an orderly way; what is not complete goes on when the store is opened again.
   * @returns whether the metadata tells of all that is not complete
   */
  async close(): Promise<boolean> {
    this.closing = true;
    for (const job of this.jobs.values()) job.cancel();
    await Promise.all([...this.copies.values(), ...this.commits.values()]);
    clearTimeout(this.flushing);
    const { metadata, catalog, engine, layout } = this.ground;
    await engine.flush(layout.snapshots);
    await metadata.write(() => {
      for (const id of this.unflushed) catalog.copyFlushed(id);
    });
    await engine.close();
    await Promise.all(this.counts.values());
    await this.whenDeleted();
    return !this.hasLeftStrays;
  }
}
