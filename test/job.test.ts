import assert from "node:assert/strict";
import * as fs from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { rawFromText } from "../src/base/bytes.js";
import { createCopyEngine } from "../src/store/copy/engine.js";
import type { CopyEngine, CopyJob } from "../src/store/copy/types.js";
import { LOCK_EX } from "../src/sys/constants.js";
import { flock } from "../src/sys/file.js";

const CONTENT = "content";
/** Milliseconds in which a copy that has set out has long copied a file. */
const LONG = 150;
const NEVER = 600_000;
const PATIENCE_MS = 10_000;

describe("a copy in the background", () => {
  let directory = "";
  let engine: CopyEngine;
  let held: number | undefined;
  const at = (path: string): string => join(directory, path);
  const isCopied = (): boolean => fs.readFileSync(at("target/file"), "utf8") === CONTENT;

  beforeEach(() => {
    directory = fs.mkdtempSync(join(tmpdir(), "snapmount-job-"));
    fs.mkdirSync(at("source/within"), { recursive: true });
    fs.writeFileSync(at("source/file"), CONTENT);
  });
  afterEach(async () => {
    if (held !== undefined) fs.closeSync(held);
    held = undefined;
    await engine.close();
    fs.rmSync(directory, { recursive: true });
  });

  /** Begins to copy, and lists the root of the copy. */
  const begin = async (launchLimit: number): Promise<CopyJob> => {
    engine = createCopyEngine({ workers: 1, launchLimit });
    const beside = (name: string) => ({ links: at(`${name}-links`), snapshot: at(`${name}-snapshot`) });
    const job = engine.begin([{ path: at("source"), beside: beside("source") }], at("target"))!;
    job.start(at("target"), beside("target"));
    assert.equal(await job.expand(rawFromText("")), 0);
    return job;
  };
  /** Asks for a directory that another one works on until `held` is closed. */
  const waitForPart = (job: CopyJob): Promise<number> => {
    held = fs.openSync(at("target/within"), "r");
    assert.equal(flock(held, LOCK_EX), 0);
    return job.expand(rawFromText("within"));
  };
  const letGo = (): void => {
    fs.closeSync(held!);
    held = undefined;
  };

  it("sets out when nobody waits for a part of it any more", async () => {
    const job = await begin(NEVER);
    const part = waitForPart(job);
    await sleep(LONG);
    assert.equal(isCopied(), false, "it has set out before");
    letGo();
    assert.equal(await part, 0);
    await job.done;
    assert.ok(isCopied());
  });

  it("sets out after a while though somebody waits for a part of it", async () => {
    const job = await begin(1);
    const part = waitForPart(job);
    for (const end = Date.now() + PATIENCE_MS; !isCopied(); await sleep(1))
      assert.ok(Date.now() < end, "it does not set out");
    letGo();
    assert.equal(await part, 0);
    await job.done;
  });
});
