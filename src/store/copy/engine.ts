import { Worker } from "node:worker_threads";
import { rawFromText } from "../../base/bytes.js";
import { makeDirAt } from "../../sys/dir.js";
import { ECANCELED, EIO } from "../../sys/errno.js";
import { check, SysError } from "../../sys/error.js";
import { chmodPath, chownAt } from "../../sys/stat.js";
import type { Usage } from "../types.js";
import type { Outcome, Task, Work } from "./task.js";
import type { CopyEngine } from "./types.js";

/** Deep trees are walked by recursion. */
const STACK_MB = 32;

/** @param options.workers how many copies go on at a time, 2 by default */
export function createCopyEngine(options: { readonly workers?: number } = {}): CopyEngine {
  return new ThreadedEngine(options.workers ?? 2);
}

/** Copies complete before they are shown; every task runs in a thread, so that the caller's stays free. */
class ThreadedEngine implements CopyEngine {
  private readonly copies: Threads;
  /** Threads of their own: a commit waits for flushing, and nobody for deleting. */
  private readonly flushes = new Threads(1);
  private readonly others = new Threads(1);

  constructor(workers: number) {
    this.copies = new Threads(workers);
  }

  async copyTree(from: string, to: string, signal?: AbortSignal): Promise<void> {
    await this.copies.run({ type: "copy", from, to }, signal);
  }

  makeRoot(path: string, mode: number, uid: number, gid: number): void {
    const raw = rawFromText(path);
    check(makeDirAt(-100, raw, 0o700), "mkdir", path);
    check(chownAt(-100, raw, uid, gid), "chown", path);
    check(chmodPath(raw, mode), "chmod", path);
  }

  async deleteTree(path: string): Promise<void> {
    await this.others.run({ type: "delete", path });
  }

  async flush(path: string): Promise<void> {
    await this.flushes.run({ type: "flush", path });
  }

  async usage(path: string, signal?: AbortSignal): Promise<Usage> {
    return (await this.others.run({ type: "usage", path }, signal)) as Usage;
  }

  async close(): Promise<void> {
    await Promise.all([this.copies.close(), this.flushes.close(), this.others.close()]);
  }
}

interface Waiting {
  readonly cancel: Int32Array;
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: Error) => void;
}

interface Thread {
  readonly worker: Worker;
  busy: number;
}

/** Threads that are started when they are first needed. */
class Threads {
  private readonly threads: Thread[] = [];
  private readonly waiting = new Map<number, Waiting>();
  private next = 1;
  private isClosed = false;

  constructor(private readonly most: number) {}

  /** @throws SysError */
  run(work: Work, signal?: AbortSignal): Promise<unknown> {
    if (this.isClosed || signal?.aborted === true) return Promise.reject(new SysError(ECANCELED, work.type));
    const id = this.next++;
    const cancel = new Int32Array(new SharedArrayBuffer(4));
    const abort = (): number => Atomics.store(cancel, 0, 1);
    signal?.addEventListener("abort", abort, { once: true });
    const thread = this.pick();
    thread.busy++;
    // The process must not end while somebody waits, and may while nobody does.
    thread.worker.ref();
    return new Promise((resolve, reject) => {
      this.waiting.set(id, { cancel, resolve, reject });
      thread.worker.postMessage({ id, work, cancel } satisfies Task);
    }).finally(() => {
      thread.busy--;
      if (thread.busy === 0 && !this.isClosed) thread.worker.unref();
      signal?.removeEventListener("abort", abort);
    });
  }

  /** Cancels what is under way and ends the threads. */
  async close(): Promise<void> {
    this.isClosed = true;
    for (const { cancel } of this.waiting.values()) Atomics.store(cancel, 0, 1);
    const ended = this.threads.map(async ({ worker }) => {
      await new Promise<void>((resolve) => {
        worker.ref();
        worker.once("exit", () => resolve());
        worker.postMessage({ end: true });
      });
    });
    await Promise.all(ended);
  }

  private pick(): Thread {
    const idle = this.threads.find((thread) => thread.busy === 0);
    if (idle !== undefined) return idle;
    if (this.threads.length < this.most) return this.start();
    return this.threads.reduce((least, thread) => (thread.busy < least.busy ? thread : least));
  }

  private start(): Thread {
    const worker = new Worker(new URL("./thread.js", import.meta.url), {
      resourceLimits: { stackSizeMb: STACK_MB },
    });
    const thread: Thread = { worker, busy: 0 };
    worker.on("message", (outcome: Outcome) => this.settle(outcome));
    worker.on("error", (error) => this.fail(error));
    worker.once("exit", () => {
      const index = this.threads.indexOf(thread);
      if (index >= 0) this.threads.splice(index, 1);
    });
    worker.unref();
    this.threads.push(thread);
    return thread;
  }

  private settle(outcome: Outcome): void {
    const waiting = this.waiting.get(outcome.id);
    this.waiting.delete(outcome.id);
    if ("value" in outcome) waiting?.resolve(outcome.value);
    else {
      const { errno, operation, subject } = outcome.failure;
      waiting?.reject(new SysError(errno, operation, subject));
    }
  }

  /** A thread has died of a bug; whoever waits is told. */
  private fail(error: unknown): void {
    for (const { reject } of this.waiting.values()) reject(new SysError(EIO, "copy", String(error)));
    this.waiting.clear();
  }
}
