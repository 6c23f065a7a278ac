import { ECANCELED } from "../sys/errno.js";
import { SysError } from "../sys/error.js";
import { BTRFS_SUPER_MAGIC, XFS_SUPER_MAGIC } from "../sys/stat.js";
import { type Background, expectedUsage, type Ground } from "./background.js";
import { ownsDirectory } from "./catalog.js";
import type { CopyJob, Source } from "./copy/types.js";
import { busy, cancelled, fromSystem, noSpace, notFound } from "./errors.js";
import { besideOf } from "./layout.js";
import { type CreateOptions, type Info, type Kind, refPath, type Usage } from "./types.js";

/** Inodes and bytes that stay free for the store itself. */
const RESERVE_BYTES = 1 << 20;
const RESERVE_INODES = 16;

/** Makes snapshots. */
export class Creation {
  /** How many copies that nobody sees yet read from a snapshot, by id. */
  private readonly pins = new Map<number, number>();

  constructor(
    private readonly ground: Ground,
    private readonly background: Background,
  ) {}

  /**
   * Makes an active snapshot or a view. When it rejects, nothing is left of it.
   * @throws StoreError
   */
  async create(kind: Kind, key: string, parent: string | undefined, options: CreateOptions): Promise<Info> {
    const snapshot = { kind, key, parent, labels: options.labels, copy: undefined };
    const what = `making ${refPath(snapshot)}`;
    const from = this.ground.catalog.checkNew(snapshot);
    if (options.signal?.aborted === true) throw cancelled(what);
    try {
      if (!ownsDirectory(kind, from?.id)) return await this.record(() => snapshot, undefined);
      if (from === undefined) return await this.createEmpty(snapshot, options.owner);
      this.checkSpace(from, what);
      return await this.pinned(from, () => this.createCopy(snapshot, from, options));
    } catch (error) {
      throw fromSystem(error, what);
    }
  }

  /** @throws StoreError Busy while a copy from this snapshot runs that nobody sees yet */
  requireUnpinned(info: Info): void {
    if (this.pins.has(info.id))
      throw busy(
        `cannot remove ${refPath(info)}: a snapshot is being prepared from it; wait until that is done`,
      );
  }

  /**
   * @param snapshot what is known of it when the directory is there
   * @param ahead makes the directory, unless that is there already
   */
  private async record(
    snapshot: () => NewRecord,
    directory: string | undefined,
    from?: Info,
    ahead?: () => void,
  ): Promise<Info> {
    const { metadata, catalog, layout } = this.ground;
    const undo: (() => void)[] = [];
    const work = (): Info => {
      const id = catalog.create(snapshot());
      // The name may lead to another snapshot by now.
      if (from !== undefined && metadata.get(id)?.parentId !== from.id) throw notFound(from, "the parent ");
      if (directory !== undefined) {
        layout.publish(directory, id);
        undo.push(() => layout.withdraw(directory, id));
      }
      return metadata.info(id)!;
    };
    return await metadata.write(work, undo, ahead);
  }

  private async createEmpty(snapshot: NewRecord, owner: CreateOptions["owner"]): Promise<Info> {
    const { engine, layout } = this.ground;
    const directory = layout.unfinished();
    const { uid, gid, mode } = owner ?? { uid: process.geteuid!(), gid: process.getegid!(), mode: 0o755 };
    try {
      const make = (): void => engine.makeRoot(directory, mode, uid, gid);
      return await this.record(() => snapshot, directory, undefined, make);
    } catch (error) {
      void this.background.deleteStray(directory);
      throw error;
    }
  }

  private async createCopy(snapshot: NewRecord, from: Info, options: CreateOptions): Promise<Info> {
    const { engine, layout } = this.ground;
    const directory = layout.unfinished();
    let job: CopyJob | undefined;
    const begin = (): void => {
      job = engine.begin(this.sources(from), directory);
      if (options.signal?.aborted === true) throw new SysError(ECANCELED, "copy");
    };
    try {
      if (options.sync === true) {
        begin();
        if (job !== undefined) await this.finish(job, directory, options.signal);
        return await this.record(
          () => ({ ...snapshot, ...(job && { method: job.method }) }),
          directory,
          from,
        );
      }
      const pending = (): NewRecord => (job ? { ...snapshot, copy: { state: "pending" } } : snapshot);
      const info = await this.record(pending, directory, from, begin);
      if (job !== undefined) this.background.follow(info.id, job);
      return info;
    } catch (error) {
      job?.cancel();
      const gone = this.background.deleteStray(directory);
      // Whoever waited for the copy finds nothing left; others need not wait.
      if (options.sync === true) await gone;
      throw error;
    }
  }

  private async finish(job: CopyJob, directory: string, signal: AbortSignal | undefined): Promise<void> {
    const beside = besideOf(directory);
    const cancel = (): void => job.cancel();
    signal?.addEventListener("abort", cancel, { once: true });
    try {
      job.start(directory, beside);
      await job.done;
      // What can no longer be stopped comes to its end.
      if (signal?.aborted === true) throw new SysError(ECANCELED, "copy");
    } catch (error) {
      for (const left of Object.values(beside)) await this.background.deleteStray(left);
      throw error;
    } finally {
      signal?.removeEventListener("abort", cancel);
    }
  }

  /** Sees to it that a snapshot is not removed while work reads from it that nobody sees yet. */
  private async pinned<T>(from: Info, work: () => Promise<T>): Promise<T> {
    this.pins.set(from.id, (this.pins.get(from.id) ?? 0) + 1);
    try {
      return await work();
    } finally {
      const left = this.pins.get(from.id)! - 1;
      if (left === 0) this.pins.delete(from.id);
      else this.pins.set(from.id, left);
    }
  }

  /** The directories that a copy reads: those of a parent and, while its own copy is pending, of its ancestors. */
  sources(from: Info): Source[] {
    const { metadata, layout } = this.ground;
    const source = (id: number): Source => ({ path: layout.path(id), beside: layout.beside(id) });
    const sources = [source(from.id)];
    for (let at = from; at.copy !== undefined && at.parentId !== undefined; ) {
      at = metadata.info(at.parentId)!;
      sources.push(source(at.id));
    }
    return sources;
  }

  private checkSpace(from: Info, what: string): void {
    const { layout, metadata } = this.ground;
    const space = layout.space();
    const shares = space.type === BTRFS_SUPER_MAGIC || space.type === XFS_SUPER_MAGIC;
    const { size, inodes } = expectedUsage(metadata, from.id);
    const spoken = this.spokenFor();
    const free = Math.max(0, space.bavail * space.bsize - RESERVE_BYTES - spoken.size);
    if (!shares && size > free) {
      throw noSpace(`${what}: ${refPath(from)} takes ${size} bytes, and ${free} are free`);
    }
    // Zero files in all: the file system does not count them.
    const freeInodes = Math.max(0, space.ffree - RESERVE_INODES - spoken.inodes);
    if (space.files > 0 && inodes > freeInodes && space.type !== BTRFS_SUPER_MAGIC) {
      throw noSpace(`${what}: ${refPath(from)} has ${inodes} inodes, and ${freeInodes} are free`);
    }
  }

  /** @returns what other copies are going to take up, be they recorded or not */
  private spokenFor(): Usage {
    let { size, inodes } = this.background.outstanding();
    for (const [id, count] of this.pins) {
      const usage = expectedUsage(this.ground.metadata, id);
      size += count * usage.size;
      inodes += count * usage.inodes;
    }
    return { size, inodes };
  }
}

interface NewRecord {
  readonly kind: Kind;
  readonly key: string;
  readonly parent: string | undefined;
  readonly labels: CreateOptions["labels"];
  readonly copy: { readonly state: "pending" } | undefined;
  readonly method?: string;
}
