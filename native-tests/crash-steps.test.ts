import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { OPERATIONS } from "./support/crash-operations.js";
import { CrashRuns } from "./support/crash-runs.js";

/** Of the longest operations only some steps, to save time; `npm run bench -- crash` takes them all. */
const STRIDES: Readonly<Record<string, number>> = {
  "prepare that waits for its copy": 3,
  prepare: 2,
  "commit of a copy that is under way, and a child of that": 5,
};

describe("kill -9 at every step", () => {
  let runs: CrashRuns;
  before(async () => {
    runs = await CrashRuns.make(1);
  });
  after(() => runs.close());

  for (const name of Object.keys(OPERATIONS)) {
    it(`of: ${name}`, async (test) => {
      const kills = await runs.killAtSteps(name, STRIDES[name] ?? 1);
      assert.ok(kills > 0);
      test.diagnostic(`killed ${kills} times`);
    });
  }
});
