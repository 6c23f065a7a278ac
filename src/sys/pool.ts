import { MessageChannel, type MessagePort, Worker } from "node:worker_threads";
import type { PortHost } from "../base/port-host.js";
import { EIO } from "./errno.js";

/** A call that a pool thread makes, with its arguments in the order of the system call's. */
export type PoolOperation =
  | "pread"
  | "pwrite"
  | "write"
  | "fsync"
  | "fdatasync"
  | "syncfs"
  | "copyRange"
  | "fallocate"
  | "close";

/** What goes to a pool thread. */
export interface PoolRequest {
  readonly id: number;
  readonly operation: PoolOperation;
  readonly args: readonly number[];
}

/** What comes back. */
export interface PoolReply {
  readonly id: number;
  readonly value: number;
}

interface Thread {
  readonly worker: Worker;
  readonly port: MessagePort;
  busy: number;
}

/**
 * A few threads that make system calls which may wait for the disk, so that whoever asks need not. They are
 * threads of our own, because libuv's four are shared with everything else in Node.
 */
export class BlockingPool {
  private readonly threads: Thread[] = [];
  private readonly waiting = new Map<number, { resolve: (value: number) => void; thread: Thread }>();
  private next = 1;

  /**
   * @param host of the calling thread, which takes the replies
   * @param most threads; they are started when they are first needed, but for the one that warm() starts
   */
  constructor(
    private readonly host: PortHost,
    private readonly most = 4,
  ) {}

  /** Starts the first thread ahead of the first call, whose caller would wait 70 to 170 ms for it. */
  warm(): void {
    if (this.threads.length === 0) this.start();
  }

  /** @returns what the call answers: a count or -errno */
  call(operation: PoolOperation, ...args: number[]): Promise<number> {
    const thread = this.pick();
    thread.busy++;
    const id = this.next++;
    return new Promise((resolve) => {
      this.waiting.set(id, { resolve, thread });
      thread.port.postMessage({ id, operation, args } satisfies PoolRequest);
    });
  }

  /** Ends the threads; what is still under way answers EIO. */
  async close(): Promise<void> {
    for (const { resolve } of this.waiting.values()) resolve(-EIO);
    this.waiting.clear();
    await Promise.all(this.threads.map((thread) => thread.worker.terminate()));
    this.threads.length = 0;
  }

  private pick(): Thread {
    const idle = this.threads.find((thread) => thread.busy === 0);
    if (idle !== undefined) return idle;
    if (this.threads.length < this.most) return this.start();
    return this.threads.reduce((least, thread) => (thread.busy < least.busy ? thread : least));
  }

  private start(): Thread {
    const { port1, port2 } = new MessageChannel();
    const worker = new Worker(new URL("./pool-thread.js", import.meta.url), {
      workerData: { port: port2, wakeFd: this.host.wakeFd },
      transferList: [port2],
    });
    worker.unref();
    const thread: Thread = { worker, port: port1, busy: 0 };
    this.host.attach(port1, (message) => this.settle(message as PoolReply));
    port1.unref();
    this.threads.push(thread);
    return thread;
  }

  private settle(reply: PoolReply): void {
    const waiting = this.waiting.get(reply.id);
    if (waiting === undefined) return;
    this.waiting.delete(reply.id);
    waiting.thread.busy--;
    waiting.resolve(reply.value);
  }
}
