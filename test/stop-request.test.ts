import assert from "node:assert/strict";
import { test } from "node:test";
import { Failure } from "../src/daemon/failure.js";
import { StopRequest } from "../src/daemon/stop-request.js";

const LISTENED = ["SIGTERM", "SIGINT", "uncaughtException"] as const;
const listeners = (): number[] => LISTENED.map((event) => process.listenerCount(event));

/** As the process does it, but past the test runner's own listeners. */
function deliver(signal: "SIGTERM" | "SIGINT"): void {
  process.listeners(signal).at(-1)!(signal);
}

test("the first signal asks to stop, the second is urgent, and both get their meaning back", async () => {
  const before = listeners();
  const stop = new StopRequest();
  try {
    assert.doesNotThrow(() => stop.throwIfRequested());
    deliver("SIGTERM");
    await stop.requested;
    assert.deepEqual([stop.isRequested, stop.isUrgent], [true, false]);
    assert.throws(
      () => stop.throwIfRequested(),
      (error: unknown) => error instanceof Failure && error.kind === "interrupted",
    );
    deliver("SIGINT");
    assert.equal(stop.isUrgent, true);
  } finally {
    stop.dispose();
  }
  assert.deepEqual(listeners(), before);
});

test("an error that nobody caught reaches whoever waits", async () => {
  const stop = new StopRequest();
  try {
    const handle = process.listeners("uncaughtException").at(-1)!;
    handle(new Error("lost"), "uncaughtException");
    await assert.rejects(stop.requested, /lost/);
    assert.equal(stop.isRequested, false);
  } finally {
    stop.dispose();
  }
});
