import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { powerCuts } from "./support/power-cuts.js";

const CUTS = 4;

describe("a power cut", () => {
  for (const type of ["ext4", "xfs"] as const) {
    it(`on ${type} leaves what is committed whole, and what was fsynced committed`, async (test) => {
      const verdicts = await powerCuts(type, CUTS, 1);
      assert.equal(verdicts.length, CUTS);
      test.diagnostic(JSON.stringify(verdicts));
      assert.ok(verdicts.some(({ committed }) => committed > 0));
    });
  }
});
