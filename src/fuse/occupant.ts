import { Worker } from "node:worker_threads";
import { oneProcessor, runOn } from "../sys/affinity.js";
import { AWAKE, BEAT, CELLS, THREAD } from "./occupant-cells.js";

/**
 * Keeps the other one of two processors from looking idle while the session works for a thread on its own processor.
 * Linux wakes a thread where it finds an idle processor (select_idle_sibling in kernel/sched/fair.c), so each answer
 * would move the caller away from the session, and each request and each answer would wake a processor that sleeps.
 * A thread of the lowest priority runs there instead, which gives way to whoever else wants to, and sleeps a third of a
 * millisecond after the last request.
 */
export class Occupant {
  private readonly cells = new Int32Array(new SharedArrayBuffer(CELLS * 4));
  private worker: Worker | undefined;
  private ended: Promise<void> = Promise.resolve();
  private at = -1;

  /** @param processor the one to keep */
  keep(processor: number): void {
    // Closed, or its thread has failed: another one would, too.
    if (Atomics.load(this.cells, AWAKE) < 0) return;
    this.worker ??= this.start();
    const thread = Atomics.load(this.cells, THREAD);
    if (thread <= 0) return;
    if (processor !== this.at && runOn(oneProcessor(processor), thread) !== 0) return;
    this.at = processor;
    if (Atomics.compareExchange(this.cells, AWAKE, 0, 1) === 0) Atomics.notify(this.cells, AWAKE);
  }

  /** Whether its thread is not there yet. */
  get isStarting(): boolean {
    return this.worker !== undefined && Atomics.load(this.cells, THREAD) === 0;
  }

  /** There was a request. */
  beat(): void {
    this.cells[BEAT]!++;
  }

  /** Lets the processor sleep. */
  leave(): void {
    Atomics.compareExchange(this.cells, AWAKE, 1, 0);
  }

  /** Ends its thread. @returns resolves when that has ended: a process that ends while a thread still loads koffi is aborted */
  close(): Promise<void> {
    Atomics.store(this.cells, AWAKE, -1);
    Atomics.notify(this.cells, AWAKE);
    this.worker?.ref();
    return this.ended;
  }

  private start(): Worker {
    const worker = new Worker(new URL("./occupant-thread.js", import.meta.url), { workerData: this.cells });
    // Without its thread the session is slower, and nothing else.
    worker.on("error", () => void this.close());
    this.ended = new Promise((resolve) => worker.once("exit", () => resolve()));
    worker.unref();
    return worker;
  }
}
