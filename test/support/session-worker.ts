import { parentPort, workerData } from "node:worker_threads";
import { Session } from "../../src/fuse/session.js";
import { type Account, randomFileSystem } from "./fuzz-mock.js";
import { Random } from "./random.js";

// A session sits in blocking calls, so it gets a thread of its own, as in the daemon.

const { fd } = workerData as { fd: number };
const account: Account = { nodes: new Map(), handles: new Set() };
const counters = new Int32Array(64);
const session = new Session(fd, randomFileSystem(new Random(4), account), {
  passthrough: false,
  maxStackDepth: 1,
  pool: { call: async () => 0 },
  counters,
});
await session.run();
parentPort?.postMessage({ nodes: account.nodes.size, handles: account.handles.size, lookups: counters[1] });
