import assert from "node:assert/strict";
import { test } from "node:test";
import type { MessagePort } from "node:worker_threads";
import { EventLoopHost } from "../src/base/port-host.js";
import { EBADF } from "../src/sys/errno.js";
import { BlockingPool } from "../src/sys/pool.js";

/** Counts the threads that were started. */
class CountingHost extends EventLoopHost {
  started = 0;

  override attach(port: MessagePort, onMessage: (message: unknown) => void): void {
    this.started++;
    super.attach(port, onMessage);
  }
}

test("the first call uses the thread that was started ahead of it, calls side by side start more up to the limit", async () => {
  const host = new CountingHost();
  const pool = new BlockingPool(host, 2);
  // A pool does not keep a process alive.
  const alive = setInterval(() => undefined, 1000);
  try {
    pool.warm();
    pool.warm();
    assert.equal(host.started, 1);
    const first = pool.call("fsync", -1);
    assert.equal(host.started, 1);
    assert.equal(await first, -EBADF);
    const answers = await Promise.all([1, 2, 3].map(() => pool.call("fdatasync", -1)));
    assert.deepEqual(answers, [-EBADF, -EBADF, -EBADF]);
    assert.equal(host.started, 2);
  } finally {
    await pool.close();
    clearInterval(alive);
  }
});
