import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, it } from "node:test";
import { open } from "lmdb";
import { Metadata } from "../src/store/metadata.js";
import { ENOSPC } from "../src/sys/errno.js";
import { SysError } from "../src/sys/error.js";

describe("the metadata on its way to the disk", () => {
  let directory: string;
  let path: string;
  let metadata: Metadata;

  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), "snapmount-metadata-"));
    path = join(directory, "metadata.mdb");
    metadata = new Metadata(path, false);
  });
  afterEach(async () => {
    await metadata.close();
    rmSync(directory, { recursive: true });
  });

  /** @returns how many transactions there have been, whatever they have changed */
  async function transactions(): Promise<number> {
    const root = open({ path, noSubdir: true, readOnly: true });
    const { lastTxnId } = root.getStats() as { lastTxnId: number };
    await root.close();
    return lastTxnId;
  }

  it("needs no other write after write(), and one after transaction()", async () => {
    metadata.transaction(() => metadata.setSetting("a", "1"));
    const first = await transactions();
    await metadata.durable();
    const second = await transactions();
    assert.equal(second, first + 1);
    await metadata.write(() => metadata.setSetting("a", "2"));
    await metadata.durable();
    assert.equal(await transactions(), second + 1);
    await metadata.durable();
    assert.equal(await transactions(), second + 1);
  });

  it("does once, before the work, what goes ahead of it, and nothing else when that fails", async () => {
    const order: string[] = [];
    const note = (what: string) => () => void order.push(what);
    await metadata.write(note("work"), [note("undone")], note("ahead"));
    assert.deepEqual(order.splice(0), ["ahead", "work"]);
    const ahead = (): never => {
      order.push("ahead");
      throw new SysError(ENOSPC, "mkdir", "there");
    };
    const refused = metadata.write(note("work"), [note("undone")], ahead);
    await assert.rejects(refused, { name: "SysError", errno: ENOSPC, operation: "mkdir" });
    assert.deepEqual(order, ["ahead", "undone"]);
  });

  it("is not held up by a write that was rolled back", async () => {
    await metadata.write(() => metadata.setSetting("a", "1"));
    const refused = metadata.write(() => {
      throw new Error("refused");
    });
    await assert.rejects(refused, /refused/);
    await metadata.durable();
    assert.equal(metadata.setting("a"), "1");
  });
});
