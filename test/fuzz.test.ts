import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { type Account, randomFileSystem } from "./support/fuzz-mock.js";
import { fuzzDispatcher } from "./support/fuzz-run.js";
import { fuzzTree } from "./support/fuzz-tree.js";
import { Random } from "./support/random.js";

describe("random and mutated requests", () => {
  it("get each the replies that the kernel wants, from a file system that answers at random", async () => {
    const account: Account = { nodes: new Map(), handles: new Set() };
    const fs = randomFileSystem(new Random(1), account);
    const result = await fuzzDispatcher(fs, 2, 30_000);
    assert.ok(result.replies > 20_000 && result.successes > 3_000, JSON.stringify(result));
    assert.ok(result.failures > 50, "some handlers threw");
    assert.deepEqual([...account.nodes], [], "every node was given back");
    assert.deepEqual([...account.handles], [], "every handle was given back");
  });

  it("get the same from the tree on a store, which holds nothing of them in the end", async () => {
    const { result, counts, opened } = await fuzzTree(3, 20_000);
    assert.ok(result.successes > 3_000, JSON.stringify(result));
    assert.deepEqual({ ...counts, descriptors: 0 }, { nodes: 0, handles: 0, descriptors: 0, watches: 0 });
    assert.equal(opened, 0, `${opened} descriptors are left`);
  });
});
