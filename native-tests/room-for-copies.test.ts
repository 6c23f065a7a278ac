import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { Arena } from "./support/arena.js";

const IMAGE_BYTES = 320 * 2 ** 20;
/** Of these, three fit, and not four. */
const TREE_BYTES = 72 * 2 ** 20;

describe("room for copies", () => {
  const directory = mkdtempSync(join(tmpdir(), "snapmount-room-"));
  const plan = join(directory, "plan");
  let arena: Arena;
  const prepare = (name: string): string => arena.says(`mkdir active/${name}`);

  before(() => {
    process.env["SNAPMOUNT_FAULT"] = plan;
    writeFileSync(plan, "");
    arena = new Arena({ type: "ext4", size: IMAGE_BYTES });
    arena.sh(`mkdir active/base && head -c ${TREE_BYTES} /dev/zero > active/base/file && mv active/base committed/
      until test "$(cat info/committed/base/state)" = ready; do sleep 0.05; done; cat info/committed/base/size`);
    writeFileSync(plan, "copying=delay:4000");
  });
  after(() => {
    writeFileSync(plan, "");
    arena.close();
    delete process.env["SNAPMOUNT_FAULT"];
    rmSync(directory, { recursive: true });
  });

  it("is not promised twice while they are under way", async () => {
    assert.equal(prepare("a@base"), "");
    assert.equal(prepare("b@base"), "");
    assert.match(prepare("c@base"), /No space left on device/);
    assert.equal(arena.says("mv active/a committed/next"), "");
    assert.match(prepare("c@next"), /No space left on device/);
    assert.deepEqual(readdirSync(join(arena.mnt, "active")), ["b"]);
  });

  it("is there again when one is removed", async () => {
    writeFileSync(plan, "");
    assert.equal(arena.says("rmdir committed/next"), "");
    for (let i = 0; i < 200 && prepare("c@base") !== ""; i++) await sleep(50);
    arena.sh("cat info/active/c/path info/active/b/path && cmp committed/base/file active/c/file");
  });
});
