import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { Arena } from "./support/arena.js";
import { modelRun } from "./support/model.js";

const PROCESSES = 8;
const SECONDS = 6;

describe("eight processes on one mount", () => {
  it("find and leave what a model says must be there", async (test) => {
    const arena = new Arena({ size: 2 ** 30 });
    try {
      const counts = await modelRun(arena, PROCESSES, SECONDS, 1);
      test.diagnostic(JSON.stringify(counts));
      for (const name of ["prepare", "commit", "view", "rename", "label", "remove", "shared"])
        assert.ok((counts[name] ?? 0) > 0, name);
    } finally {
      arena.close();
    }
  });
});
