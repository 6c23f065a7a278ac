import { mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { log } from "../base/log.js";
import { LentEngine } from "../store/copy/lent-engine.js";
import type { CopyEngine } from "../store/copy/types.js";
import { memoryOfUser } from "../store/memory-directory.js";
import { openStore, type Store } from "../store/store.js";
import { isFaultHooked } from "../sys/fault.js";
import { BASE, DIRECTORY, FILE } from "./rehearsal-script.js";

const trace = log("daemon");
/** Milliseconds after mounting: whoever mounts for one command has the processors for himself. */
const DELAY_MS = 1000;
const PREFIX = "rehearsal-";
/** A stage that is older, in milliseconds, was left by a daemon that was killed. */
const FORGOTTEN_MS = 60_000;

/**
 * Goes through mkdir, mv and rmdir once the mount is there and before somebody does: on a store of nobody's, in memory,
 * but by the very threads and functions. What V8 runs for the first time it must compile, and it learns only from what
 * was run a few times how that is done quickly; the first mkdir of a mount takes 30 ms without, 8 after it (medians of five).
 */
export class Rehearsal {
  private readonly ended = new AbortController();
  private running: Promise<void> = Promise.resolve();

  /**
   * @param engine whose threads are used
   * @param perform has the session's thread go through it, with a store at a directory
   * @param delay milliseconds until it begins
   * @param findPlace finds the directory in memory where the store is made
   */
  constructor(
    private readonly engine: CopyEngine,
    private readonly perform: (directory: string, store: Store) => Promise<void>,
    private readonly delay = DELAY_MS,
    private readonly findPlace: () => string | undefined = memoryOfUser,
  ) {}

  /** Begins in a while. @returns resolves when it is over; whether it succeeds matters to nobody but the log */
  start(): Promise<void> {
    if (isFaultHooked()) return this.running;
    this.running = this.run().catch((error: unknown) => {
      if (!this.ended.signal.aborted) trace("the rehearsal was broken off: %O", error);
    });
    return this.running;
  }

  private async run(): Promise<void> {
    await sleep(this.delay, undefined, { signal: this.ended.signal });
    const memory = this.findPlace();
    if (memory === undefined) return;
    sweep(memory);
    const directory = mkdtempSync(join(memory, PREFIX));
    try {
      const store = await openStore(directory, { engine: new LentEngine(this.engine) });
      try {
        await furnish(store);
        const begin = performance.now();
        await this.perform(directory, store);
        trace("rehearsed in %d ms", Math.round(performance.now() - begin));
      } finally {
        await store.close();
      }
    } finally {
      rmSync(directory, { recursive: true, force: true });
    }
  }

  /** Resolves when nothing of it is left. To be called when the session has ended. */
  async end(): Promise<void> {
    this.ended.abort();
    await this.running;
  }
}

/** Makes what the script expects. */
async function furnish(store: Store): Promise<void> {
  await store.prepare("furniture", undefined);
  const path = await store.path({ kind: "active", key: "furniture" });
  mkdirSync(join(path, DIRECTORY));
  writeFileSync(join(path, DIRECTORY, FILE), "prop\n");
  await store.commit(BASE, "furniture");
}

/** Removes what daemons that were killed have left. */
function sweep(memory: string): void {
  for (const name of readdirSync(memory).filter((each) => each.startsWith(PREFIX))) {
    const found = statSync(join(memory, name), { throwIfNoEntry: false });
    if (found !== undefined && Date.now() - found.mtimeMs > FORGOTTEN_MS)
      rmSync(join(memory, name), { recursive: true, force: true });
  }
}
