import { getPriority } from "node:os";
import { parentPort, workerData } from "node:worker_threads";
import { assert } from "../base/assert.js";
import { enableLog, log } from "../base/log.js";
import { OPCODES } from "../fuse/protocol.js";
import { Session } from "../fuse/session.js";
import { openReader } from "../store/reader.js";
import { connectStore } from "../store/rpc.js";
import type { Info } from "../store/types.js";
import { BlockingPool } from "../sys/pool.js";
import { setNice } from "../sys/priority.js";
import { createTree } from "../tree/tree.js";
import { DeferredHost } from "./deferred-host.js";
import { idleReport } from "./idle-report.js";
import { rehearse } from "./rehearsal-script.js";
import type { SessionCommand, SessionData, SessionMessage, Stage } from "./session-messages.js";
import { treeOptions } from "./tree-options.js";

// The thread that answers the kernel. It sits in the session's loop, so everything that it is told comes through ports
// that the session attends to, and everything that it says is posted.

const trace = log("daemon");
const data = workerData as SessionData;
const parent = parentPort;
assert(parent, "this file is the entry of a worker thread");

if (data.debug) enableLog();

/**
 * How much further ahead this thread is than the others of the process (nice(1)). Whoever asks it waits in the kernel, and
 * everybody who wants to look into the same directory with him; on a busy machine an `ls` took up to 22 ms, now 8.
 */
const AHEAD = 10;
const niceCode = setNice(getPriority() - AHEAD);
if (niceCode < 0) trace("this thread goes before no others, that takes CAP_SYS_NICE: errno %d", -niceCode);

const { options } = data;
const host = new DeferredHost();
const pool = new BlockingPool(host);
const reader = openReader(data.directory);
let tell: (change: { id: number; info: Info | undefined }) => void = () => {
  trace("a change of the store before the tree exists needs no telling");
};
const store = connectStore(data.port, host, (change) => tell(change));
const tree = createTree({
  store,
  reader,
  pool,
  ...treeOptions(options),
});
tell = (change) => tree.onStoreChange(change);
const counters = new Int32Array(OPCODES);
const say = (message: SessionMessage): void => parent.postMessage(message);
const onIdle = idleReport(tree, counters);
const session = new Session(data.fd, tree, {
  onNegotiated: ({ passthrough }) => say({ type: "negotiated", passthrough }),
  counters,
  attention: tree.attention,
  ...(onIdle && { onIdle }),
  maxStackDepth: data.maxStackDepth,
  passthrough: options.passthrough,
  pool,
});
host.bind(session);
// The first fsync, and the first rmdir of something that was looked at, need it.
pool.warm();
session.attach(parent, (message) => {
  const command = message as SessionCommand;
  if (command.type === "stop") session.stop();
  else
    session.accompany(goThrough(command)).then(
      () => say({ type: "rehearsed", failure: undefined }),
      (error: unknown) => say({ type: "rehearsed", failure: String(error) }),
    );
});

/** Rehearses with a store of nobody's what this thread does for the mount's own. */
async function goThrough({ directory, port }: Stage): Promise<void> {
  const stage = openReader(directory);
  try {
    const scene = createTree({
      ...treeOptions(options),
      store: connectStore(port, session, (change) => scene.onStoreChange(change)),
      reader: stage,
      pool,
      passthrough: false,
      watch: false,
      prepareSync: false,
      readOnly: false,
    });
    await rehearse(scene).finally(() => scene.destroy());
  } finally {
    stage.close();
    session.detach(port);
    port.close();
  }
}

say({ type: "started", wakeFd: session.wakeFd });
await session.run();
trace("the session has ended");
await pool.close();
reader.close();
data.port.close();
say({ type: "ended" });
parent.close();
