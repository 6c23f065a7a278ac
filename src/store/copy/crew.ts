import { MessageChannel, Worker } from "node:worker_threads";
import type { FromWalker, Peer, ToWalker, WalkerData } from "./messages.js";
import type { CopySpec } from "./spec.js";
import { STACK_MB } from "./threads.js";

/** The threads that copy trees in the background, started when there is something to copy. */
export class Crew {
  private workers: readonly Worker[] = [];
  private under = 0;

  /**
   * @param size how many threads
   * @param onMessage takes what they say
   * @param onDeath is told when one dies of a bug
   */
  constructor(
    readonly size: number,
    private readonly board: Int32Array,
    private readonly onMessage: (message: FromWalker) => void,
    private readonly onDeath: (error: unknown) => void,
  ) {}

  /** Starts the threads, unless they are there. */
  warm(): void {
    if (this.workers.length === 0) this.workers = this.start();
  }

  /** Sets all threads on a copy; the first one begins with its root. */
  launch(spec: CopySpec): void {
    this.warm();
    this.under++;
    this.workers.forEach((worker, at) => {
      // The process must not end while something is copied.
      worker.ref();
      this.tell(worker, { type: "launch", spec, items: at === 0 ? [{ path: "" }] : [] });
    });
  }

  /** Takes all threads off a copy; each says "dropped" when it writes nothing any more. */
  drop(id: number): void {
    for (const worker of this.workers) this.tell(worker, { type: "drop", id });
  }

  /** To be called when all have dropped a copy. */
  dropped(): void {
    this.under--;
    if (this.under === 0) for (const worker of this.workers) worker.unref();
  }

  async close(): Promise<void> {
    const ended = this.workers.map(
      (worker) =>
        new Promise<void>((resolve) => {
          worker.ref();
          worker.once("exit", () => resolve());
          this.tell(worker, { type: "end" });
        }),
    );
    this.workers = [];
    await Promise.all(ended);
  }

  private tell(worker: Worker, message: ToWalker): void {
    worker.postMessage(message);
  }

  private start(): Worker[] {
    const peers: Peer[][] = Array.from({ length: this.size }, () => []);
    for (let a = 0; a < this.size; a++) {
      for (let b = a + 1; b < this.size; b++) {
        const { port1, port2 } = new MessageChannel();
        peers[a]!.push({ index: b, port: port1 });
        peers[b]!.push({ index: a, port: port2 });
      }
    }
    return peers.map((list, index) => {
      const worker = new Worker(new URL("./walker.js", import.meta.url), {
        resourceLimits: { stackSizeMb: STACK_MB },
        workerData: { index, board: this.board, peers: list } satisfies WalkerData,
        transferList: list.map((peer) => peer.port),
      });
      worker.on("message", (message: FromWalker) => this.onMessage(message));
      worker.on("error", (error) => this.onDeath(error));
      worker.unref();
      return worker;
    });
  }
}
