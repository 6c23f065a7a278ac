import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const VARIABLE = "SNAPMOUNT_FAULT";

/** What is to fail, wait or die in stores that are opened under it (src/sys/fault-plan.ts); it may change meanwhile. */
export class FaultPlan {
  /** For files of the test as well. */
  readonly directory = mkdtempSync(join(tmpdir(), "snapmount-plan-"));
  readonly #file = join(this.directory, "plan");

  constructor(...rules: string[]) {
    // Programs of other users follow it as well.
    chmodSync(this.directory, 0o755);
    this.set(...rules);
  }

  /** Takes the place of all rules that were set before. */
  set(...rules: string[]): void {
    writeFileSync(this.#file, rules.join(","));
  }

  /** From now on stores are opened under it, here and in programs that are started, until leave() or dispose(). */
  enter(): void {
    process.env[VARIABLE] = this.#file;
  }

  leave(): void {
    delete process.env[VARIABLE];
  }

  /** Opens a store under it. */
  during<T>(open: () => T): T {
    this.enter();
    try {
      return open();
    } finally {
      this.leave();
    }
  }

  dispose(): void {
    this.leave();
    rmSync(this.directory, { recursive: true });
  }
}
