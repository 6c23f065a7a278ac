import { readFileSync } from "node:fs";
import { log } from "../base/log.js";
import type { Background, Ground } from "./background.js";
import { ownsDirectory } from "./catalog.js";
import type { Creation } from "./creation.js";
import type { Found } from "./layout.js";
import type { Work } from "./metadata.js";
import { type Info, refPath } from "./types.js";

const trace = log("store");
/** Set while nobody has the store open: everything is on the disk. */
export const CLEAN = "clean";

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

  /**
   * @param isTrusted whether all that was written is there: after a crash of the process, not after one of the machine
   */
  run(isTrusted: boolean): void {
    const { metadata } = this.ground;
    const clean = metadata.setting(CLEAN) !== undefined;
    const work = metadata.allWork();
    // Only a crash leaves directories that nothing tells of, so only then all of them are looked at.
    if (!clean) this.sortDirectories(isTrusted);
    for (const [id, { remove }] of work) if (remove === true) this.finishRemoval(id);
    // Parents first: a commit that is taken back takes those back that were made from it.
    if (!clean) for (const [id, todo] of work) if (todo.flush === true) this.checkFlush(id);
    const verify = !clean && !isTrusted;
    for (const [id] of work) this.resume(id, metadata.workOf(id), verify);
    if (clean) metadata.transaction(() => metadata.setSetting(CLEAN, undefined));
  }

  /** To be called when all is on the disk and nothing goes on. */
  async markClean(): Promise<void> {
    const { metadata } = this.ground;
    await metadata.write(() => metadata.setSetting(CLEAN, "1"));
  }

  private sortDirectories(isTrusted: boolean): void {
    const { metadata, layout } = this.ground;
    const { nextId } = metadata;
    const found = layout.list();
    // Whatever becomes of them, their numbers are not given away again while their directories are there.
    const most = found.reduce((id, one) => ("id" in one ? Math.max(id, one.id) : id), 0);
    if (most >= nextId) metadata.transaction(() => metadata.useUp(most));
    const recorded = metadata.recordIds();
    for (const one of found) this.sort(one, recorded, nextId, isTrusted);
    if (!isTrusted) this.forgetMissing(new Set(found.flatMap((one) => ("id" in one ? [one.id] : []))));
  }

  private sort(found: Found, recorded: ReadonlySet<number>, nextId: number, isTrusted: boolean): void {
    const { layout } = this.ground;
    if (found.type === "unfinished") {
      if (this.isOfPendingCopy(found.name)) return;
      trace("%s was not finished: deleting it", found.name);
      void this.background.deleteStray(`${layout.snapshots}/${found.name}`);
    } else if (found.type === "removed") {
      if (!recorded.has(found.id)) this.finishRemoval(found.id);
      else if (!layout.exists(layout.path(found.id))) layout.restore(found.id);
    } else if (!recorded.has(found.id)) {
      if (found.id < nextId || isTrusted) {
        // It was removed, and that had not reached the disk; or nobody was told of it yet.
        trace("%d has no record: deleting it", found.id);
        this.finishRemoval(found.id);
      } else this.adopt(found.id);
    }
  }

  /** Records may have reached the disk before the directories did. Nothing that was fsynced is in those. */
  private forgetMissing(present: ReadonlySet<number>): void {
    const { metadata, catalog } = this.ground;
    for (const [id, record] of [...metadata.records()]) {
      if (present.has(id) || !ownsDirectory(record.kind, record.parentId)) continue;
      const info = metadata.info(id);
      if (info === undefined) continue;
      metadata.transaction(() => catalog.forget(info));
      this.messages.push(
        `${refPath(info)} was made just before the machine stopped and had not reached the disk: it is gone`,
      );
    }
  }

  /** Its record did not get as far as the disk, but somebody may have worked in it. */
  private adopt(id: number): void {
    const { metadata, catalog } = this.ground;
    const key = metadata.transaction(() => catalog.adopt(id));
    this.messages.push(
      `active/${key} was made just before the machine stopped, and what it was called and made from is not known any more: look whether it is whole, or remove it`,
    );
  }

  /** A copy that goes on uses what it has beside it (Beside), and so does one that has to be verified. */
  private isOfPendingCopy(name: string): boolean {
    const id = /^new-(\d+)\.(?:links|snapshot)$/.exec(name)?.[1];
    if (id === undefined) return false;
    const { copy, copied } = this.ground.metadata.workOf(Number(id));
    return copy === true || copied === true;
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
        catalog.copyFailed(child.id, {
          state: "failed",
          errno: 5,
          what: "its parent, which was not on the disk",
        });
    });
    this.messages.push(`${refPath(child)} was made from a commit that had not reached the disk`);
  }

  /** @param verify whether what was copied may not have reached the disk */
  private resume(id: number, work: Work, verify: boolean): void {
    const { metadata, catalog, engine } = this.ground;
    const info = metadata.info(id);
    if (info === undefined) return;
    if (info.parentId !== undefined && (work.copy === true || (work.copied === true && verify))) {
      // Noted, for the process may be killed before all of it is verified.
      if (verify) metadata.transaction(() => catalog.recopy(id));
      const parent = metadata.info(info.parentId)!;
      trace("the copy of %d goes on", id);
      this.background.follow(
        id,
        engine.resume(this.creation.sources(parent), verify || work.verify === true),
      );
    } else if (work.copied === true) this.background.flushSoon(id);
    if (work.flush === true) this.background.settle(id);
    if (work.count === true) this.background.count(id);
  }
}
