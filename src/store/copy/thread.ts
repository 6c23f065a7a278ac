import { parentPort } from "node:worker_threads";
import { assert } from "../../base/assert.js";
import { log } from "../../base/log.js";
import { setUmask, unshareFs } from "../../sys/credentials.js";
import { EIO } from "../../sys/errno.js";
import { check, SysError } from "../../sys/error.js";
import type { Outcome, Task, Work } from "./task.js";
import { TreeCopier } from "./tree-copier.js";
import { deleteTree, flush, usageOf } from "./trees.js";

// A thread that does slow work on trees, one task after the other, by calls that block.

const trace = log("copy");
const port = parentPort;
assert(port, "this file is the entry of a worker thread");

// Modes are set as they are in the source, whatever the umask of the process; that of a thread can be its own.
check(unshareFs(), "unshare");
setUmask(0);

function perform(work: Work, isCancelled: () => boolean): unknown {
  switch (work.type) {
    case "copy": {
      const copier = new TreeCopier(isCancelled);
      copier.copy(work.from, work.to);
      trace("%s: %d entries, %s", work.to, copier.entries, copier.method);
      return undefined;
    }
    case "delete":
      return deleteTree(work.path, isCancelled);
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
    const { errno, operation, subject } =
      error instanceof SysError ? error : new SysError(EIO, work.type, String(error));
    answer({ id, failure: { errno, operation, subject } });
  }
});
