import { deferred } from "../base/deferred.js";
import { Failure } from "./failure.js";

/**
 * What ends a daemon from within its process: SIGTERM and SIGINT, kept until somebody asks, and errors that nobody caught.
 * Such an error must not end the process by itself: Node would wait for the thread that answers the kernel, for ever.
 */
export class StopRequest {
  private readonly first = deferred<void>();
  private readonly fault = deferred<never>();
  /** Resolves at the first signal; rejects with an error that nobody caught. */
  readonly requested: Promise<void> = Promise.race([this.first.promise, this.fault.promise]);
  private count = 0;

  constructor() {
    process.on("SIGTERM", this.onSignal).on("SIGINT", this.onSignal);
    process.on("uncaughtException", this.onFault);
    // Before somebody waits for it, it is no uncaught one again.
    this.requested.catch(() => undefined);
  }

  get isRequested(): boolean {
    return this.count > 0;
  }

  /** Whether somebody has asked twice, and wants no more waiting for others. */
  get isUrgent(): boolean {
    return this.count > 1;
  }

  throwIfRequested(): void {
    if (this.isRequested) throw new Failure("interrupted", "interrupted before the mount was there");
  }

  /** Gives the signals and uncaught errors their usual meaning back. */
  dispose(): void {
    process.off("SIGTERM", this.onSignal).off("SIGINT", this.onSignal);
    process.off("uncaughtException", this.onFault);
  }

  private readonly onSignal = (): void => {
    this.count++;
    this.first.resolve();
  };

  private readonly onFault = (error: Error): void => this.fault.reject(error);
}
