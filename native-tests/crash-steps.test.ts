import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { OPERATIONS } from "./support/crash-operations.js";
import { CrashRuns } from "./support/crash-runs.js";
import { type Image, makeImage } from "./support/image.js";

/** Of the longest operations only some steps, to save time; `npm run bench -- crash` takes them all. */
const STRIDES: Readonly<Record<string, number>> = {
  "prepare that waits for its copy": 3,
  prepare: 2,
  "commit of a copy that is under way, and a child of that": 5,
};

/** What takes other steps on btrfs, where a snapshot of the file system takes the place of the copy. */
const ON_BTRFS = [
  "prepare",
  "prepare that waits for its copy",
  "removal of a copy that is under way",
  "commit of a copy that is under way, and a child of that",
];
const IMAGE_BYTES = 2 ** 30;

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

describe("kill -9 at every step on btrfs", () => {
  const directory = mkdtempSync(join(tmpdir(), "snapmount-steps-"));
  let image: Image;
  let runs: CrashRuns;
  before(async () => {
    image = makeImage("btrfs", directory, "disk", IMAGE_BYTES);
    runs = await CrashRuns.make(1, image.path);
  });
  after(() => {
    runs.close();
    image.close();
    rmSync(directory, { recursive: true });
  });

  for (const name of ON_BTRFS) {
    it(`of: ${name}`, async (test) => {
      const kills = await runs.killAtSteps(name, 1);
      assert.ok(kills > 0);
      test.diagnostic(`killed ${kills} times`);
    });
  }
});
