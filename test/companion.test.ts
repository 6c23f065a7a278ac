import assert from "node:assert/strict";
import { test } from "node:test";
import type { Worker } from "node:worker_threads";
import { Companion } from "../src/fuse/companion.js";
import { Op } from "../src/fuse/protocol.js";
import { allowedProcessors, members, oneProcessor, runOn, ThreadWatch } from "../src/sys/affinity.js";

const here = (): number[] => members(allowedProcessors(0)!);
const ask = (companion: Companion, times: number, opcode: number = Op.GETATTR, tid = process.pid): void => {
  for (let i = 0; i < times; i++) companion.note(opcode, tid);
};

test("oneProcessor() is a set with just that one", () => {
  assert.deepEqual(
    [0, 7, 8, 63, 200].map((index) => members(oneProcessor(index))),
    [[0], [7], [8], [63], [200]],
  );
});

test("ThreadWatch tells one of the processors where a thread may run, and -1 of a thread that is not", () => {
  const watch = new ThreadWatch();
  assert.ok(here().includes(watch.processor(process.pid)));
  assert.equal(watch.processor(2 ** 22 + 1), -1);
  assert.ok(here().includes(watch.processor(process.pid)), "after another one");
  watch.close();
});

test("a companion follows a thread that asks again and again, and lets go when told", async () => {
  const everywhere = here();
  const companion = new Companion(new ThreadWatch(), () => 0);
  ask(companion, 3);
  assert.equal(companion.follows, false, "a few requests are nothing");
  ask(companion, 20);
  assert.equal(companion.follows, true);
  assert.equal(here().length, 1);
  companion.leave();
  assert.equal(companion.follows, false);
  assert.deepEqual(here(), everywhere);
  ask(companion, 200);
  assert.equal(companion.follows, true, "again");
  await companion.close();
  assert.deepEqual(here(), everywhere);
});

test("a companion lets go of a thread that moves data, and when many threads ask in turn", async () => {
  const everywhere = here();
  for (const others of [
    (companion: Companion) => ask(companion, 200, Op.READ),
    (companion: Companion) => {
      for (let i = 0; i < 200; i++) ask(companion, 1, Op.LOOKUP, 1 + (i % 2));
    },
  ]) {
    const companion = new Companion(new ThreadWatch(), () => 0);
    ask(companion, 100);
    assert.equal(here().length, 1);
    others(companion);
    assert.equal(companion.follows, false);
    assert.deepEqual(here(), everywhere);
    await companion.close();
  }
});

test("requests of nobody, and of a thread that has ended, are nothing to follow", async () => {
  const everywhere = here();
  const companion = new Companion(new ThreadWatch(), () => 0);
  ask(companion, 100, Op.FORGET, 0);
  ask(companion, 100, Op.GETATTR, 2 ** 22 + 1);
  assert.equal(companion.follows, false);
  assert.deepEqual(here(), everywhere);
  await companion.close();
});

/** Where a thread is that is found elsewhere at each look. */
class Restless {
  looks = 0;
  constructor(private readonly processors: readonly number[]) {}
  processor(): number {
    return this.processors[this.looks++ % 2]!;
  }
  close(): void {
    // Nothing is open.
  }
}

/** Stands for an Occupant. */
const keeper = (isStarting: boolean) => {
  const nothing = (): void => undefined;
  return () => ({ isStarting, keep: nothing, beat: nothing, leave: nothing, close: () => Promise.resolve() });
};

test("a thread that does not stay is let go, and tried again later", async () => {
  const everywhere = here();
  const watch = new Restless(everywhere);
  const companion = new Companion(watch, () => 0, keeper(false));
  ask(companion, 8 + 64);
  assert.equal(companion.follows, true, "it may move now and then");
  ask(companion, 4 * 64);
  assert.equal(companion.follows, false);
  assert.deepEqual(here(), everywhere);
  const before = watch.looks;
  ask(companion, 4096);
  assert.equal(watch.looks, before, "it is not even looked for");
  ask(companion, 8192);
  assert.ok(watch.looks > before);
  await companion.close();
});

test("a thread that moves is not let go as long as nothing keeps the other one of two processors", async (context) => {
  if (here().length !== 2) {
    context.skip("needs two processors");
    return;
  }
  const companion = new Companion(new Restless(here()), () => 0, keeper(true));
  ask(companion, 100 * 64);
  assert.equal(companion.follows, true);
  await companion.close();
});

test("who asks only now and then is not followed", async () => {
  let now = 0;
  const companion = new Companion(new ThreadWatch(), () => now);
  const askEvery = (milliseconds: number, times: number): void => {
    for (let i = 0; i < times; i++) {
      now += milliseconds;
      ask(companion, 1);
    }
  };
  askEvery(1, 100);
  assert.equal(companion.follows, false);
  askEvery(0.01, 100);
  assert.equal(companion.follows, true);
  askEvery(1, 100);
  assert.equal(companion.follows, false, "any more");
  await companion.close();
});

test("on a single processor whoever asks shares it, asked or not", async () => {
  const everywhere = allowedProcessors(0)!;
  runOn(oneProcessor(members(everywhere)[0]!));
  try {
    const companion = new Companion(new ThreadWatch(), () => 0);
    assert.equal(companion.follows, true);
    ask(companion, 200);
    companion.leave();
    assert.equal(companion.follows, true);
    assert.equal(here().length, 1);
    await companion.close();
  } finally {
    runOn(everywhere);
  }
});

test("a companion is closed when its occupant's thread has ended, even if that has hardly started", async (context) => {
  if (here().length !== 2) {
    context.skip("needs two processors");
    return;
  }
  let running = 0;
  const count = (worker: Worker): void => {
    running++;
    worker.once("exit", () => running--);
  };
  process.once("worker", count);
  const companion = new Companion(new ThreadWatch(), () => 0);
  ask(companion, 20);
  // Node tells of a thread in the next turn.
  await new Promise(setImmediate);
  assert.equal(running, 1);
  await companion.close();
  assert.equal(running, 0);
});
