import type { CopyEngine, CopyJob, Source } from "./types.js";

/**
 * Another store's threads, for a store that is thrown away as a whole: they copy, but need not delete, count or flush
 * anything, and go on when this store is closed.
 */
export class LentEngine implements CopyEngine {
  constructor(private readonly owned: CopyEngine) {}

  begin(sources: readonly Source[], to: string): CopyJob | undefined {
    return this.owned.begin(sources, to);
  }

  resume(sources: readonly Source[], verify: boolean): CopyJob {
    return this.owned.resume(sources, verify);
  }

  makeRoot(path: string, mode: number, uid: number, gid: number): void {
    this.owned.makeRoot(path, mode, uid, gid);
  }

  deleteTree(): Promise<void> {
    return Promise.resolve();
  }

  flush(): Promise<void> {
    return Promise.resolve();
  }

  usage(): Promise<{ inodes: number; size: number }> {
    return Promise.resolve({ inodes: 0, size: 0 });
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}
