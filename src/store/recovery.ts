import { readFileSync } from "node:fs";
import { log } from "../base/log.js";
import type { Background, Ground } from "./background.js";
import type { Creation } from "./creation.js";
import type { Work } from "./metadata.js";
import { type Info, refPath } from "./types.js";

const trace = log("store");
/** Set while nobody has the store open: everything is on the disk. */
const CLEAN = "clean";

/** @returns what identifies the present boot (random(4)) */
export function bootId(): string {
  return readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim();
}

/** Finishes or undoes what was under way when the store was left, in time proportional to that. */
export class Recovery {
  /** What users should know of it. */
  readonly messages: string[] = [];

  constructor(
    private readonly ground: Ground,
    private readonly background: Background,
    private readonly creation: Creation,
    private readonly boot: string,
  ) {}

  run(): void {
    const { metadata } = this.ground;
    const clean = metadata.setting(CLEAN) !== undefined;
    const work = metadata.allWork();
    this.sortDirectories();
    for (const [id, { remove }] of work) if (remove === true) this.finishRemoval(id);
    // Parents first: a commit that is taken back takes those back that were made from it.
    if (!clean) for (const [id, todo] of work) if (todo.flush === true) this.checkFlush(id);
    for (const [id] of work) this.resume(id, metadata.workOf(id));
    if (clean) metadata.transaction(() => metadata.setSetting(CLEAN, undefined));
  }

  /** To be called when all is on the disk and nothing goes on. */
  markClean(): void {
    const { metadata } = this.ground;
    metadata.transaction(() => metadata.setSetting(CLEAN, "1"));
  }

  private sortDirectories(): void {
    const { metadata, layout } = this.ground;
    const { nextId } = metadata;
    for (const found of layout.list()) {
      if (found.type === "unfinished") {
        if (this.isOfPendingCopy(found.name)) continue;
        trace("%s was not finished: deleting it", found.name);
        void this.background.deleteStray(`${layout.snapshots}/${found.name}`);
      } else if (found.type === "removed") {
        if (metadata.get(found.id) === undefined) this.finishRemoval(found.id);
        else if (!layout.exists(layout.path(found.id))) layout.restore(found.id);
      } else if (found.id >= nextId) {
        // Its record did not get as far as the disk.
        trace("%d has no record: deleting it", found.id);
        this.finishRemoval(found.id);
      }
    }
  }

  /** A copy that goes on keeps its hard links in `new-ID.links`. */
  private isOfPendingCopy(name: string): boolean {
    const id = /^new-(\d+)\.links$/.exec(name)?.[1];
    return id !== undefined && this.ground.metadata.workOf(Number(id)).copy === true;
  }

  private finishRemoval(id: number): void {
    this.ground.layout.discard(id);
    this.background.delete({ id, kind: "active", parentId: undefined });
  }

  private checkFlush(id: number): void {
    const { metadata, layout } = this.ground;
    const flush = metadata.get(id)?.flush;
    if (flush === undefined) return;
    if (flush.boot === this.boot && flush.mount === layout.mountId()) return;
    this.takeBack(id);
  }

  /** Makes a commit active again whose data may not have reached the disk, and with it what was made from it. */
  private takeBack(id: number): void {
    const { metadata, catalog } = this.ground;
    const info = metadata.info(id)!;
    for (const child of metadata.childIds(id)) this.takeBackChild(metadata.info(child)!);
    const key = metadata.transaction(() => catalog.revert(id));
    this.messages.push(
      `${refPath(info)} had not reached the disk when the machine stopped: it is active/${key} again`,
    );
  }

  private takeBackChild(child: Info): void {
    const { metadata, catalog, layout } = this.ground;
    if (child.kind === "committed" && child.flush !== undefined) this.takeBack(child.id);
    metadata.transaction(() => {
      if (child.kind === "view") {
        layout.discard(child.id);
        catalog.forget(child);
        return;
      }
      catalog.orphan(child.id);
      if (child.copy?.state === "pending")
        catalog.copied(child.id, {
          state: "failed",
          errno: 5,
          what: "its parent, which was not on the disk",
        });
    });
    this.messages.push(`${refPath(child)} was made from a commit that had not reached the disk`);
  }

  private resume(id: number, work: Work): void {
    const info = this.ground.metadata.info(id);
    if (info === undefined) return;
    if (work.copy === true && info.parentId !== undefined) {
      const parent = this.ground.metadata.info(info.parentId)!;
      trace("the copy of %d goes on", id);
      const job = this.ground.engine.resume?.(this.creation.sources(parent), this.ground.layout.path(id));
      if (job !== undefined) this.background.follow(id, job);
    }
    if (work.flush === true) this.background.settle(id);
  }
}
