import { Worker } from "node:worker_threads";
import { type Deferred, deferred } from "../../base/deferred.js";
import { ECANCELED, EIO } from "../../sys/errno.js";
import { SysError } from "../../sys/error.js";
import type { TreeChange } from "../changes.js";
import type { ComparisonReply, ComparisonRequest } from "./messages.js";

/** A piece of a list of changes. */
export interface ChangeBatch {
  /** Not empty unless it is the last. */
  readonly changes: readonly TreeChange[];
  readonly isLast: boolean;
}

/** Compares trees in a thread of its own, which is started when it is first needed and works only when it is asked. */
export class Comparisons {
  private worker: Worker | undefined;
  private readonly waiting = new Map<number, Deferred<ChangeBatch>>();
  private next = 1;
  private isClosed = false;

  /**
   * Begins to compare. Nothing is done before the first read.
   * @param before path of a directory, or undefined: everything in the other one is added
   * @returns the number of the list
   */
  open(before: string | undefined, after: string): number {
    const list = this.next++;
    this.post({ type: "open", list, before, after });
    return list;
  }

  /** @returns the next changes, in order; one read of a list at a time. @throws SysError */
  read(list: number): Promise<ChangeBatch> {
    const batch = deferred<ChangeBatch>();
    if (this.isClosed) batch.reject(new SysError(ECANCELED, "compare"));
    else {
      this.waiting.set(list, batch);
      this.worker?.ref();
      this.post({ type: "next", list });
    }
    return batch.promise;
  }

  /** Gives a list up; who waits for it gets ECANCELED. */
  close(list: number): void {
    this.settle(list)?.reject(new SysError(ECANCELED, "compare"));
    if (!this.isClosed) this.post({ type: "close", list });
  }

  /** Gives all lists up and ends the thread. */
  async end(): Promise<void> {
    if (this.isClosed) return;
    for (const list of [...this.waiting.keys()])
      this.settle(list)?.reject(new SysError(ECANCELED, "compare"));
    this.isClosed = true;
    const { worker } = this;
    if (worker === undefined) return;
    worker.ref();
    const ended = new Promise<void>((resolve) => worker.once("exit", () => resolve()));
    worker.postMessage({ type: "end" } satisfies ComparisonRequest);
    await ended;
  }

  private settle(list: number): Deferred<ChangeBatch> | undefined {
    const waiting = this.waiting.get(list);
    this.waiting.delete(list);
    // The process must not end while somebody waits, and may while nobody does.
    if (this.waiting.size === 0) this.worker?.unref();
    return waiting;
  }

  private post(request: ComparisonRequest): void {
    this.worker ??= this.start();
    this.worker.postMessage(request);
  }

  private start(): Worker {
    const worker = new Worker(new URL("./thread.js", import.meta.url));
    worker.unref();
    worker.on("message", (reply: ComparisonReply) => {
      const waiting = this.settle(reply.list);
      if (!("failure" in reply)) {
        waiting?.resolve({ changes: reply.changes, isLast: reply.isLast });
        return;
      }
      const { errno, operation, subject } = reply.failure;
      waiting?.reject(new SysError(errno, operation, subject));
    });
    worker.on("error", (error) => {
      // A bug; whoever waits is told, and the next one gets a new thread.
      this.worker = undefined;
      for (const list of [...this.waiting.keys()])
        this.settle(list)?.reject(new SysError(EIO, "compare", String(error)));
    });
    return worker;
  }
}
