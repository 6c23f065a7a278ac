import { Worker } from "node:worker_threads";
import { ECANCELED, EIO } from "../../sys/errno.js";
import { SysError } from "../../sys/error.js";
import { sharedCells } from "./spec.js";
import type { Outcome, Task, ThreadData, Work } from "./task.js";

/** Deep trees are walked by recursion. */
export const STACK_MB = 32;

interface Waiting {
  readonly thread: Thread;
  readonly cancel: Int32Array;
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: Error) => void;
}

interface Thread {
  readonly worker: Worker;
  busy: number;
}

/** Threads that do one task after the other; they are started when they are first needed. */
export class Threads {
  private readonly threads: Thread[] = [];
  private readonly waiting = new Map<number, Waiting>();
  private next = 1;
  private isClosed = false;

  /** @param most so many tasks are done at a time; more wait */
  constructor(
    private readonly most: number,
    private readonly data: ThreadData = {},
  ) {}

  /** Starts a thread if there is none yet, for those who cannot wait until it has started. */
  warm(): void {
    if (this.threads.length === 0 && !this.isClosed) this.start();
  }

  /** @throws SysError */
  run(work: Work, signal?: AbortSignal): Promise<unknown> {
    if (this.isClosed || signal?.aborted === true) return Promise.reject(new SysError(ECANCELED, work.type));
    const id = this.next++;
    const cancel = sharedCells(1);
    const abort = (): number => Atomics.store(cancel, 0, 1);
    signal?.addEventListener("abort", abort, { once: true });
    const thread = this.pick();
    thread.busy++;
    // The process must not end while somebody waits, and may while nobody does.
    thread.worker.ref();
    return new Promise((resolve, reject) => {
      this.waiting.set(id, { thread, cancel, resolve, reject });
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
      workerData: this.data,
    });
    const thread: Thread = { worker, busy: 0 };
    worker.on("message", (outcome: Outcome) => this.settle(outcome));
    worker.on("error", (error) => this.fail(thread, error));
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

  /** A thread has died of a bug; whoever waits for it is told. */
  private fail(thread: Thread, error: unknown): void {
    for (const [id, waiting] of this.waiting) {
      if (waiting.thread !== thread) continue;
      this.waiting.delete(id);
      waiting.reject(new SysError(EIO, "thread", String(error)));
    }
  }
}
