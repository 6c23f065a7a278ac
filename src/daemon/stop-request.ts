import { Failure } from "./failure.js";

/** SIGTERM and SIGINT, kept until somebody asks. */
export class StopRequest {
  /** Resolves at the first signal. */
  readonly requested: Promise<void>;
  private resolve: () => void = () => undefined;
  private count = 0;

  constructor() {
    this.requested = new Promise((resolve) => {
      this.resolve = resolve;
    });
    process.on("SIGTERM", this.onSignal);
    process.on("SIGINT", this.onSignal);
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

  /** Gives the signals their usual meaning back. */
  dispose(): void {
    process.off("SIGTERM", this.onSignal);
    process.off("SIGINT", this.onSignal);
  }

  private readonly onSignal = (): void => {
    this.count++;
    this.resolve();
  };
}
