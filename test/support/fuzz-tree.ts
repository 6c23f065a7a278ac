import { execFileSync } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Worker } from "node:worker_threads";
import type { TreeCounts } from "../../src/tree/entry/entry-tree.js";
import type { FuzzResult } from "./fuzz-run.js";

export interface TreeFuzzResult {
  readonly result: FuzzResult;
  /** What the tree holds after everything was given back. */
  readonly counts: TreeCounts;
  /** Descriptors below snapshots/ that are still open. */
  readonly opened: number;
}

/** Fuzzes the tree itself, on a store in a temporary directory. */
export async function fuzzTree(seed: number, count: number): Promise<TreeFuzzResult> {
  const directory = mkdtempSync(join(tmpdir(), "snapmount-fuzz-"));
  try {
    const workerData = { directory, seed, count };
    const worker = new Worker(new URL("./fuzz-tree-worker.js", import.meta.url), { workerData });
    // Both from the start: the thread may have ended by the time that its message is handled.
    const [message] = await Promise.all([once(worker, "message"), once(worker, "exit")]);
    return message[0] as TreeFuzzResult;
  } finally {
    // Names that are not UTF-8 and directories of other owners are beyond node:fs.
    execFileSync("rm", ["-rf", directory]);
  }
}
