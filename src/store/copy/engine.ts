import { availableParallelism } from "node:os";
import { rawFromText } from "../../base/bytes.js";
import { log } from "../../base/log.js";
import { AT_FDCWD } from "../../sys/constants.js";
import { ECANCELED, EIO } from "../../sys/errno.js";
import { check, SysError } from "../../sys/error.js";
import { chmodPath, chownAt } from "../../sys/stat.js";
import type { Usage } from "../types.js";
import { Crew } from "./crew.js";
import { type Hands, Job } from "./job.js";
import type { FromWalker } from "./messages.js";
import { makeDirectory, makeRaw, rootMode } from "./root.js";
import { Board, sharedCells } from "./spec.js";
import { makeSubvolume } from "./subvolume.js";
import { Threads } from "./threads.js";
import type { CopyEngine, CopyJob, Source } from "./types.js";

const trace = log("copy");
/** More threads only wait for each other: the file system's journal is one. */
const MOST_WALKERS = 4;
/** So many can be waited for at a time ahead of the copy; each may be a large file. */
const MOST_AHEAD = 4;

/** Milliseconds: enough for the first look at a file deep in a tree (25 to 50), little for a copy. */
const LAUNCH_LIMIT_MS = 100;

/**
 * @param options.workers how many threads copy in the background
 * @param options.launchLimit milliseconds that they leave the processors to those who look into a tree as soon as it is made
 */
export function createCopyEngine(
  options: { readonly workers?: number; readonly launchLimit?: number } = {},
): CopyEngine {
  const workers = options.workers ?? Math.min(MOST_WALKERS, Math.max(2, availableParallelism()));
  return new ThreadedEngine(workers, options.launchLimit ?? LAUNCH_LIMIT_MS);
}

/** Copies in the background; every task runs in a thread, so that the caller's stays free. */
class ThreadedEngine implements CopyEngine {
  private readonly hands: Hands;
  private readonly jobs = new Map<number, Job>();
  private next = 1;
  private isClosed = false;
  private readonly flushes = new Threads(1);
  private readonly counts = new Threads(1, { isIdle: true });
  private readonly deletions = new Threads(1, { isIdle: true });

  constructor(workers: number, launchLimit: number) {
    const board = sharedCells(Board.idle + workers);
    const crew = new Crew(
      workers,
      board,
      (message) => this.hear(message),
      (error) => {
        for (const job of this.jobs.values()) job.fail(new SysError(EIO, "copy", String(error)), true);
      },
    );
    // What somebody waits for must not wait for what nobody does: it has threads of its own.
    this.hands = { crew, ahead: new Threads(MOST_AHEAD), board, launchLimit };
  }

  warm(): void {
    if (this.isClosed) return;
    this.hands.crew.warm();
    this.hands.ahead.warm();
  }

  begin(sources: readonly Source[], to: string): CopyJob | undefined {
    if (this.isClosed) throw new SysError(ECANCELED, "copy");
    // Nobody waits for threads to start who comes right after.
    this.warm();
    makeRaw(to, rootMode(sources));
    return this.newJob(sources, false);
  }

  resume(sources: readonly Source[], verify: boolean): CopyJob {
    return this.newJob(sources, verify);
  }

  private newJob(sources: readonly Source[], verify: boolean): Job {
    const from = sources[0]!.path;
    const making = [...this.jobs.values()].find((job) => job.target === from);
    const job = new Job(this.next++, sources, verify, making, this.hands);
    this.jobs.set(job.id, job);
    const end = (): boolean => this.jobs.delete(job.id);
    job.done.then(end, end);
    return job;
  }

  private hear(message: FromWalker): void {
    const job = this.jobs.get(message.id);
    if (message.type === "dropped") job?.dropped();
    else if (message.type === "failed") {
      const { errno, operation, subject } = message.failure;
      job?.fail(new SysError(errno, operation, subject), false);
    } else {
      job?.finish();
      trace("copy %d is complete: %s", message.id, job?.method);
    }
  }

  makeRoot(path: string, mode: number, uid: number, gid: number): void {
    const raw = rawFromText(path);
    // Made at once, so that a snapshot can be made of it later; whoever makes the first one of a line waits for the disk.
    if (!makeSubvolume(path)) makeDirectory(path);
    check(chownAt(AT_FDCWD, raw, uid, gid), "chown", path);
    check(chmodPath(raw, mode), "chmod", path);
  }

  async deleteTree(path: string): Promise<void> {
    await this.deletions.run({ type: "delete", path });
  }

  async flush(path: string): Promise<void> {
    await this.flushes.run({ type: "flush", path });
  }

  async usage(path: string, signal?: AbortSignal): Promise<Usage> {
    return (await this.counts.run({ type: "usage", path }, signal)) as Usage;
  }

  async close(): Promise<void> {
    this.isClosed = true;
    const jobs = [...this.jobs.values()];
    for (const job of jobs) job.cancel();
    await Promise.allSettled(jobs.map((job) => job.done));
    const { hands, flushes, counts, deletions } = this;
    await Promise.all([hands.crew, hands.ahead, flushes, counts, deletions].map((each) => each.close()));
  }
}
