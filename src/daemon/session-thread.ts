import { setFlagsFromString } from "node:v8";
import { MessageChannel, type MessagePort, Worker } from "node:worker_threads";
import { deferred } from "../base/deferred.js";
import { serveStore } from "../store/rpc.js";
import type { Store } from "../store/store.js";
import { signalEventFd } from "../sys/poll.js";
import { Failure } from "./failure.js";
import type { Session } from "./session.js";
import type { SessionCommand, SessionData, SessionMessage } from "./session-messages.js";

/** The thread that answers the kernel, seen from the main thread. */
export class SessionThread implements Session {
  readonly started: Promise<void>;
  /** Rejects with Failure also when the thread dies. */
  readonly ended: Promise<void>;
  private readonly worker: Worker;
  private wakeFd = -1;
  private rehearsed = deferred<void>();

  /**
   * @param store is served to the thread
   * @param data what it is started with
   * @param onPassthrough told whether the kernel reads and writes files by itself
   */
  constructor(store: Store, data: Omit<SessionData, "port">, onPassthrough: (passthrough: boolean) => void) {
    const { port1, port2 } = new MessageChannel();
    // In threads that are started from now on V8 does not collect garbage just because little happens: the next request
    // would wait for that, 8 to 30 ms of a mkdir. What makes garbage still has it collected.
    setFlagsFromString("--no-memory-reducer");
    this.worker = new Worker(new URL("./session-worker.js", import.meta.url), {
      workerData: { ...data, port: port2 } satisfies SessionData,
      transferList: [port2],
    });
    const started = deferred<void>();
    const ended = deferred<void>();
    this.started = started.promise;
    this.ended = ended.promise;
    let orderly = false;
    this.worker.on("message", (message: SessionMessage) => {
      if (message.type === "ended") {
        orderly = true;
        return;
      }
      if (message.type === "rehearsed") {
        if (message.failure === undefined) this.rehearsed.resolve();
        else this.rehearsed.reject(new Error(message.failure));
        return;
      }
      if (message.type === "negotiated") {
        onPassthrough(message.passthrough);
        return;
      }
      this.wakeFd = message.wakeFd;
      serveStore(port1, store, message.wakeFd);
      started.resolve();
    });
    const fail = (why: string): void => {
      const failure = new Failure("internal", `the thread that answers the kernel has died: ${why}`);
      started.reject(failure);
      ended.reject(failure);
    };
    this.worker.on("error", (error) =>
      fail(error instanceof Error ? (error.stack ?? error.message) : String(error)),
    );
    this.worker.on("exit", (code) => {
      port1.close();
      if (orderly) ended.resolve();
      else fail(`exit code ${code}`);
    });
    // Whoever waits gets the failure; nobody need wait for both.
    this.started.catch(() => undefined);
    this.ended.catch(() => undefined);
  }

  /**
   * Has the thread go through all that it does for the mount's store with another one.
   * @param directory where that store is
   * @throws Error when it fails there
   */
  async rehearse(directory: string, store: Store): Promise<void> {
    const { port1, port2 } = new MessageChannel();
    serveStore(port1, store, this.wakeFd);
    this.rehearsed = deferred<void>();
    this.tell({ type: "rehearse", directory, port: port2 }, [port2]);
    try {
      await Promise.race([this.rehearsed.promise, this.ended]);
    } finally {
      port1.close();
    }
  }

  stop(): void {
    this.tell({ type: "stop" });
  }

  private tell(command: SessionCommand, transfer: readonly MessagePort[] = []): void {
    this.worker.postMessage(command, transfer);
    if (this.wakeFd >= 0) signalEventFd(this.wakeFd);
  }
}
