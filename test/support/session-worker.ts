import { parentPort, workerData } from "node:worker_threads";
import { Session } from "../../src/fuse/session.js";
import { clearEventFd, makeEventFd } from "../../src/sys/poll.js";
import { type Account, randomFileSystem } from "./fuzz-mock.js";
import { Random } from "./random.js";

// A session sits in blocking calls, so it gets a thread of its own, as in the daemon.

const { fd } = workerData as { fd: number };
/** So often it wants to be attended to without having been told anything. */
const FIRST = 40;
const account: Account = { nodes: new Map(), handles: new Set() };
const counters = new Int32Array(64);
/** How often it was told of a request, the shortest pause, and how often at most it was asked between two of them. */
const patience = { noted: 0, least: Number.POSITIVE_INFINITY, most: 0 };
let asked = 0;
/** What else it waits for, and how often it was attended to. */
const elsewhere = makeEventFd();
let attended = 0;
const session = new Session(fd, randomFileSystem(new Random(4), account), {
  passthrough: false,
  maxStackDepth: 1,
  pool: { call: async () => 0 },
  counters,
  attention: {
    fd: elsewhere,
    attend: () => {
      const told = clearEventFd(elsewhere);
      if (++attended <= FIRST || told)
        parentPort?.postMessage({ type: "attended", fd: elsewhere, told, lookups: counters[1] });
      return attended < FIRST ? 5 : -1;
    },
  },
  patience: {
    note: (pause) => {
      patience.noted++;
      asked = 0;
      patience.least = Math.min(patience.least, pause);
    },
    allows: () => {
      patience.most = Math.max(patience.most, ++asked);
      return false;
    },
  },
});
await session.run();
parentPort?.postMessage({
  type: "left",
  attended,
  nodes: account.nodes.size,
  handles: account.handles.size,
  lookups: counters[1],
  patience,
});
