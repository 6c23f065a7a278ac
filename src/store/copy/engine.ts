import { availableParallelism } from "node:os";
import { rawFromText } from "../../base/bytes.js";
import { log } from "../../base/log.js";
import { AT_FDCWD, O_CLOEXEC, O_DIRECTORY, O_RDONLY } from "../../sys/constants.js";
import { makeDirAt } from "../../sys/dir.js";
import { ECANCELED, EIO } from "../../sys/errno.js";
import { check, SysError } from "../../sys/error.js";
import { close, openAt } from "../../sys/file.js";
import { chmodPath, chownAt, Stat, statAt } from "../../sys/stat.js";
import { markFor } from "../pending.js";
import type { Usage } from "../types.js";
import { dropAcls } from "./attributes.js";
import { Crew } from "./crew.js";
import { Job } from "./job.js";
import type { FromWalker } from "./messages.js";
import { Board, sharedCells } from "./spec.js";
import { makeSubvolume } from "./subvolume.js";
import { Threads } from "./threads.js";
import type { CopyEngine, CopyJob, Source } from "./types.js";

const trace = log("copy");
/** More threads only wait for each other: the file system's journal is one. */
const MOST_WALKERS = 4;
/** So many can be waited for at a time ahead of the copy; each may be a large file. */
const MOST_AHEAD = 4;

/** @param options.workers how many threads copy in the background */
export function createCopyEngine(options: { readonly workers?: number } = {}): CopyEngine {
  return new ThreadedEngine(options.workers ?? Math.min(MOST_WALKERS, Math.max(2, availableParallelism())));
}

/** Copies in the background; every task runs in a thread, so that the caller's stays free. */
class ThreadedEngine implements CopyEngine {
  private readonly board: Int32Array;
  private readonly crew: Crew;
  private readonly jobs = new Map<number, Job>();
  private next = 1;
  private isClosed = false;
  /** Threads of their own: what somebody waits for must not wait for what nobody does. */
  private readonly ahead = new Threads(MOST_AHEAD);
  private readonly flushes = new Threads(1);
  private readonly counts = new Threads(1, { isIdle: true });
  private readonly deletions = new Threads(1, { isIdle: true });

  constructor(workers: number) {
    this.board = sharedCells(Board.idle + workers);
    this.crew = new Crew(
      workers,
      this.board,
      (message) => this.hear(message),
      (error) => {
        for (const job of this.jobs.values()) job.fail(new SysError(EIO, "copy", String(error)), true);
      },
    );
  }

  warm(): void {
    if (this.isClosed) return;
    this.crew.warm();
    this.ahead.warm();
  }

  async begin(sources: readonly Source[], to: string): Promise<CopyJob | undefined> {
    if (this.isClosed) throw new SysError(ECANCELED, "copy");
    const from = sources[0]!.path;
    // Nobody waits for threads to start who comes right after.
    this.warm();
    if (sources.length === 1 && (await this.snapshot(from, to))) return undefined;
    this.makeRaw(sources, to);
    return this.newJob(sources, false);
  }

  resume(sources: readonly Source[], verify: boolean): CopyJob {
    return this.newJob(sources, verify);
  }

  private newJob(sources: readonly Source[], verify: boolean): Job {
    const job = new Job(this.next++, sources, verify, this.crew, this.ahead, this.board);
    this.jobs.set(job.id, job);
    const end = (): boolean => this.jobs.delete(job.id);
    job.done.then(end, end);
    return job;
  }

  private async snapshot(from: string, to: string): Promise<boolean> {
    const stat = new Stat();
    check(statAt(stat, AT_FDCWD, rawFromText(from)), "stat", from);
    if (stat.ino !== 256) return false;
    const made = (await this.ahead.run({ type: "snapshot", from, to })) as boolean;
    trace("%s: %s", to, made ? "a subvolume snapshot" : "no subvolume snapshot can be made");
    return made;
  }

  private makeRaw(sources: readonly Source[], to: string): void {
    const raw = rawFromText(to);
    const mode = rootMode(sources);
    check(makeDirAt(AT_FDCWD, raw, 0o700), "mkdir", to);
    const fd = check(openAt(AT_FDCWD, raw, O_RDONLY | O_DIRECTORY | O_CLOEXEC), "open", to);
    try {
      dropAcls(fd, to);
    } finally {
      close(fd);
    }
    // Last, so that nothing of it is inherited from where the store is.
    check(chmodPath(raw, markFor(mode) & 0o7777), "chmod", to);
  }

  private hear(message: FromWalker): void {
    const job = this.jobs.get(message.id);
    if (message.type === "dropped") job?.dropped();
    else if (message.type === "failed") {
      const { errno, operation, subject } = message.failure;
      job?.fail(new SysError(errno, operation, subject), false);
    } else {
      trace("copy %d is complete: %s", message.id, message.method);
      job?.finish();
    }
  }

  makeRoot(path: string, mode: number, uid: number, gid: number): void {
    const raw = rawFromText(path);
    if (!makeSubvolume(path)) check(makeDirAt(AT_FDCWD, raw, 0o700), "mkdir", path);
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
    const { ahead, flushes, counts, deletions } = this;
    await Promise.all([
      this.crew.close(),
      ...[ahead, flushes, counts, deletions].map((each) => each.close()),
    ]);
  }
}

/** @returns the mode of the first source's root as it is, or as it will be when that one is not made yet itself */
function rootMode(sources: readonly Source[]): number {
  const stat = new Stat();
  return sources.reduceRight((origin, { path }) => {
    check(statAt(stat, AT_FDCWD, rawFromText(path)), "stat", path);
    return stat.mode === markFor(origin) ? origin : stat.mode;
  }, 0);
}
