import { chmodSync, chownSync, cpSync, lstatSync, mkdirSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { CopyEngine, Source } from "../../src/store/copy/types.js";
import type { Usage } from "../../src/store/types.js";

/** A copy engine without threads, for tests of the metadata: a copy is complete when it begins. */
export class PlainEngine implements CopyEngine {
  /** Names of what was asked, in order. */
  readonly calls: string[] = [];
  /** Thrown by the next copy. */
  failure: Error | undefined;

  begin(sources: readonly Source[], to: string): undefined {
    this.calls.push("begin");
    if (this.failure !== undefined) throw this.failure;
    cpSync(sources[0]!.path, to, { recursive: true, preserveTimestamps: true });
  }
  resume(): never {
    throw new Error("copies are complete when they begin");
  }
  makeRoot(path: string, mode: number, uid: number, gid: number): void {
    mkdirSync(path);
    chmodSync(path, mode);
    if (process.geteuid?.() === 0) chownSync(path, uid, gid);
  }
  async deleteTree(path: string): Promise<void> {
    this.calls.push("deleteTree");
    rmSync(path, { recursive: true, force: true });
  }
  async flush(): Promise<void> {
    this.calls.push("flush");
  }
  async usage(path: string): Promise<Usage> {
    const total = { inodes: 0, size: 0 };
    const visit = (at: string): void => {
      const stat = lstatSync(at);
      total.inodes++;
      total.size += stat.blocks * 512;
      if (stat.isDirectory()) for (const name of readdirSync(at)) visit(join(at, name));
    };
    visit(path);
    return total;
  }
  async close(): Promise<void> {
    this.calls.push("close");
  }
}
