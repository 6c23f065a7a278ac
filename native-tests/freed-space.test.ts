import assert from "node:assert/strict";
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { createCopyEngine } from "../src/store/copy/engine.js";
import { openStore, type Store } from "../src/store/store.js";
import { FaultPlan } from "./support/fault-plan.js";
import { type FileSystemType, type Image, makeImage } from "./support/image.js";

const IMAGE_BYTES = 2 ** 30;

/** Whether the log of the file system is written before the last directory goes. */
const WRITES_LOG: Readonly<Record<string, boolean>> = { xfs: true, ext4: false };

for (const [type, writes] of Object.entries(WRITES_LOG)) {
  describe(`what a removal has freed, on ${type}`, () => {
    const faults = new FaultPlan();
    const trace = join(faults.directory, "trace");
    let image: Image;
    let store: Store;

    /** @returns the calls that removing a snapshot with so many files has made: fsync, unlinkat and rmdir */
    async function removal(files: number): Promise<string[]> {
      await store.prepare("big", undefined);
      const path = await store.path({ kind: "active", key: "big" });
      for (let i = 0; i < files; i++) writeFileSync(join(path, `file${i}`), "");
      faults.set(`fsync=trace:${trace}`, `unlinkat=trace:${trace}`, `rmdir=trace:${trace}`);
      await store.remove({ kind: "active", key: "big" });
      await store.cleanup();
      faults.set();
      const calls = existsSync(trace) ? readFileSync(trace, "utf8").trim().split("\n") : [];
      rmSync(trace, { force: true });
      return calls;
    }

    before(async () => {
      faults.enter();
      image = makeImage(type as FileSystemType, faults.directory, "disk", IMAGE_BYTES);
      mkdirSync(join(image.path, "store"));
      store = await openStore(join(image.path, "store"), { engine: createCopyEngine({ workers: 1 }) });
    });
    after(async () => {
      await store.close();
      image.close();
      faults.dispose();
    });

    it(`is ${writes ? "free for others before" : "left to the file system when"} the directory is gone`, async () => {
      const calls = await removal(1500);
      assert.equal(calls.filter((call) => call === "unlinkat").length, 1500);
      assert.deepEqual(calls.slice(1500), writes ? ["fsync", "rmdir"] : ["rmdir"]);
    });

    it("is not waited for when it is little", async () => {
      assert.ok(!(await removal(20)).includes("fsync"));
    });
  });
}
