import { parentPort, workerData } from "node:worker_threads";
import { assert } from "../../base/assert.js";
import { printable, type RawName } from "../../base/bytes.js";
import { log } from "../../base/log.js";
import { setUmask, unshareFs } from "../../sys/credentials.js";
import { check, SysError } from "../../sys/error.js";
import { setIdleIo, setNice } from "../../sys/priority.js";
import { settleFreed } from "./freed.js";
import { describeFailure } from "./messages.js";
import { below } from "./open.js";
import { replaceBySnapshot } from "./subvolume.js";
import type { Outcome, Task, ThreadData, Work } from "./task.js";
import { TreeCopy } from "./tree-copy.js";
import { deleteTree, flush, usageOf } from "./trees.js";

// A thread that does slow work on trees, one task after the other, by calls that block.

const trace = log("copy");
const port = parentPort;
assert(port, "this file is the entry of a worker thread");

/** The least that is given to a thread that only tidies up (nice(1)). */
const LOWEST = 19;
if ((workerData as ThreadData).isIdle === true) {
  const codes = [setNice(LOWEST), setIdleIo()];
  if (codes.some((code) => code < 0)) trace("the priority stays as it is: %o", codes);
}

// Modes are set as they are in the source, whatever the umask of the process; that of a thread can be its own.
check(unshareFs(), "unshare");
setUmask(0);

function ahead({ spec, board, part }: Work & { type: "ahead" }): void {
  const copy = new TreeCopy(spec, board);
  try {
    if (part.type === "expand") {
      copy.expand(part.path);
      if (part.next !== undefined) expandNext(copy, below(part.path, part.next));
    } else if (part.type === "fill") copy.fill(part.path, part.need);
    else copy.complete(part.path);
  } finally {
    copy.close();
  }
}

/** Whether this succeeds matters only to who asks for it, and he will. */
function expandNext(copy: TreeCopy, path: RawName): void {
  try {
    copy.expandSmall(path);
  } catch (error) {
    if (!(error instanceof SysError)) throw error;
    trace("%s is not expanded before it is asked for: %s", printable(path), error.message);
  }
}

function perform(work: Work, isCancelled: () => boolean): unknown {
  switch (work.type) {
    case "ahead":
      return ahead(work);
    case "snapshot":
      return replaceBySnapshot(work.spec);
    case "delete":
      return deleteTree(work.path, isCancelled, settleFreed);
    case "usage":
      return usageOf(work.path, isCancelled);
    case "flush":
      return flush(work.path);
  }
}

port.on("message", (message: Task | { readonly end: true }) => {
  if ("end" in message) {
    port.close();
    return;
  }
  const { id, work, cancel } = message;
  const answer = (outcome: Outcome): void => port.postMessage(outcome);
  try {
    answer({ id, value: perform(work, () => Atomics.load(cancel, 0) !== 0) });
  } catch (error) {
    trace("%s: %O", work.type, error);
    answer({ id, failure: describeFailure(error, work.type) });
  }
});
