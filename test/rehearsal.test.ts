import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, readdirSync, rmSync, utimesSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { deferred } from "../src/base/deferred.js";
import { Rehearsal } from "../src/daemon/rehearsal.js";
import { rehearse } from "../src/daemon/rehearsal-script.js";
import { createCopyEngine } from "../src/store/copy/engine.js";
import type { CopyEngine } from "../src/store/copy/types.js";
import type { Store } from "../src/store/store.js";
import type { Kind } from "../src/store/types.js";
import { createTree } from "../src/tree/tree.js";
import { PlainEngine } from "./support/plain-engine.js";

/** Goes through the script in this thread. */
async function perform(store: Store): Promise<void> {
  const tree = createTree({
    store,
    reader: store.reader,
    pool: { call: () => Promise.reject(new Error("nothing waits for the disk here")) },
    passthrough: false,
    cacheTimeout: 1000,
    prepareSync: false,
    readOnly: false,
    watch: false,
    access: { mode: 0o755, uid: 0, gid: 0 },
  });
  store.onChange((change) => tree.onStoreChange(change));
  await rehearse(tree).finally(() => tree.destroy());
}

describe("the rehearsal", () => {
  let memory: string;
  let engine: CopyEngine;

  beforeEach(() => {
    memory = mkdtempSync(join(tmpdir(), "snapmount-rehearsal-"));
    engine = new PlainEngine();
  });
  afterEach(async () => {
    await engine.close();
    rmSync(memory, { recursive: true });
  });
  const make = (go: (directory: string, store: Store) => Promise<void>, delay = 0): Rehearsal =>
    new Rehearsal(engine, go, delay, () => memory);

  it("makes, reads, commits and removes a snapshot four times by the threads that copy, and leaves nothing", async () => {
    engine = createCopyEngine({ workers: 1 });
    let seen: unknown;
    await make(async (directory, store) => {
      await perform(store);
      const keys = (kind: Kind): string[] => store.reader.list(kind, undefined, 9).map(({ key }) => key);
      const { id } = await store.prepare("next", undefined);
      seen = { active: keys("active"), committed: keys("committed"), id, place: dirname(directory) };
    }).start();
    // The first id is the base's.
    assert.deepEqual(seen, { active: ["next"], committed: ["base"], id: 6, place: memory });
    assert.deepEqual(readdirSync(memory), []);
  });

  it("says what is not answered as it should be", async () => {
    let failure: unknown;
    await make(async (_, store) => {
      await store.remove({ kind: "committed", key: "base" });
      failure = await perform(store).catch((error: unknown) => error);
    }).start();
    assert.match(String(failure), /opcode 9 was answered with errno 2/);
  });

  it("leaves nothing when it fails, and harms nobody", async () => {
    await make(() => Promise.reject(new Error("stage fright"))).start();
    assert.deepEqual(readdirSync(memory), []);
  });

  it("does not begin any more when the mount ends before", async () => {
    let began = false;
    const rehearsal = make(async () => {
      began = true;
    }, 60_000);
    const over = rehearsal.start();
    await rehearsal.end();
    await over;
    assert.equal(began, false);
    assert.deepEqual(readdirSync(memory), []);
  });

  it("is over when the end is", async () => {
    let over = false;
    const began = deferred<void>();
    const rehearsal = make(async () => {
      began.resolve();
      await sleep(50);
      over = true;
    });
    void rehearsal.start();
    await began.promise;
    await rehearsal.end();
    assert.ok(over);
    assert.deepEqual(readdirSync(memory), []);
  });

  it("removes what a daemon that was killed has left, not what another one uses", async () => {
    for (const name of ["rehearsal-old", "rehearsal-new", "17-42"])
      mkdirSync(join(memory, name, "within"), { recursive: true });
    const longAgo = new Date(Date.now() - 120_000);
    for (const name of ["rehearsal-old", "17-42"]) utimesSync(join(memory, name), longAgo, longAgo);
    await make(() => Promise.resolve()).start();
    assert.deepEqual(readdirSync(memory).sort(), ["17-42", "rehearsal-new"]);
  });
});
