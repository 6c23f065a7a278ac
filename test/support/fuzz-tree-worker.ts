import assert from "node:assert/strict";
import { readdirSync, readlinkSync } from "node:fs";
import { parentPort, workerData } from "node:worker_threads";
import { openStore } from "../../src/store/store.js";
import type { Usage } from "../../src/store/types.js";
import { EFBIG } from "../../src/sys/errno.js";
import { allocate, close, copyRange, pwrite } from "../../src/sys/file.js";
import type { IoPool } from "../../src/tree/entry/core.js";
import { createTree } from "../../src/tree/tree.js";
import { fuzzDispatcher } from "./fuzz-run.js";
import { PlainEngine } from "./plain-engine.js";

// A thread of its own, because the tree takes on the credentials of its callers.

/** Bytes that one request may take on the disk. */
const MOST = 1 << 20;

/** Copies nothing: what random requests leave (fifos, holes of many GiB) is not for a simple copier. */
class EmptyEngine extends PlainEngine {
  override begin(_sources: readonly unknown[], to: string): undefined {
    this.makeRoot(to, 0o755, 0, 0);
  }
  override async deleteTree(path: string): Promise<void> {
    this.calls.push(path);
  }
  override async usage(): Promise<Usage> {
    return { inodes: 0, size: 0 };
  }
}

const pool: IoPool = {
  async call(operation, ...args) {
    const [a = 0, b = 0, c = 0, d = 0, e = 0] = args;
    if (operation === "fallocate") return c + d > MOST ? -EFBIG : allocate(a, b, c, d);
    if (operation === "copyRange") return copyRange(a, b, c, d, Math.min(e, MOST));
    if (operation === "pwrite") return pwrite(a, b, c, d);
    if (operation === "close") return close(a);
    return 0;
  },
};

const { directory, seed, count } = workerData as { directory: string; seed: number; count: number };
const store = await openStore(directory, { engine: new EmptyEngine() });
const tree = createTree({
  store,
  reader: store.reader,
  pool,
  passthrough: false,
  cacheTimeout: 1000,
  prepareSync: true,
  readOnly: false,
  watch: true,
  access: { uid: 0, gid: 0, mode: 0o755 },
});
store.onChange((change) => tree.onStoreChange(change));
await store.prepare("web", undefined);
await store.prepare("early", undefined);
await store.commit("base", "early");
const result = await fuzzDispatcher(tree, seed, count);
const counts = tree.counts();
tree.destroy();
assert.equal(result.failures, 0, "no handler threw");
await store.close();
parentPort?.postMessage({ result, counts, opened: openBelow(`${directory}/snapshots/`) });

/** How many descriptors of this process lead below a directory: other threads of it open and close their own. */
function openBelow(top: string): number {
  return readdirSync("/proc/self/fd").filter((fd) => targetOf(fd).startsWith(top)).length;
}

function targetOf(fd: string): string {
  try {
    return readlinkSync(`/proc/self/fd/${fd}`);
  } catch {
    // Closed since it was listed.
    return "";
  }
}
