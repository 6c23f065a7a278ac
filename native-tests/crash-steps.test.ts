import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { linkSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { createCopyEngine } from "../src/store/copy/engine.js";
import { inspectStore } from "../src/store/inspection.js";
import { openStore, type Store } from "../src/store/store.js";
import { contentId, refPath } from "../src/store/types.js";
import { OPERATIONS, type Operation, TEMPLATE } from "./support/crash-operations.js";
import { treeLines } from "./support/tree-lines.js";

const CHILD = fileURLToPath(new URL("./support/crash-child.js", import.meta.url));
/** More steps than any operation has. */
const MOST_STEPS = 200;

type Trees = ReadonlyMap<string, readonly string[]>;

/** Fills a directory; different for each seed. */
function fill(directory: string, seed: string): void {
  mkdirSync(join(directory, "sub"), { mode: 0o750 });
  writeFileSync(join(directory, "file"), seed.repeat(5000), { mode: 0o640 });
  linkSync(join(directory, "file"), join(directory, "sub/same"));
}

async function makeTemplate(directory: string): Promise<void> {
  mkdirSync(directory);
  const store = await openStore(directory, { engine: createCopyEngine() });
  for (const key of ["base", "old", "work", "rubbish"]) {
    await store.prepare(key, undefined);
    fill(await store.path({ kind: "active", key }), key);
  }
  for (const key of ["base", "old"]) await store.whenDurable((await store.commit(key, key)).id);
  await store.view("look", "base");
  await store.close();
}

/** @returns what each snapshot holds, by path */
async function treesOf(store: Store): Promise<Trees> {
  const trees = new Map<string, readonly string[]>();
  await store.walk(async (info) => {
    await store.whenCopied(contentId(info));
    trees.set(refPath(info), treeLines(join(store.reader.directory, "snapshots", String(contentId(info)))));
  });
  return trees;
}

describe("kill -9 at every step", () => {
  let top: string;
  let template: Trees;
  before(async () => {
    top = mkdtempSync(join(tmpdir(), "snapmount-steps-"));
    await makeTemplate(join(top, "template"));
    execFileSync("cp", ["-a", join(top, "template"), join(top, "looked-at")]);
    const store = await openStore(join(top, "looked-at"), { engine: createCopyEngine() });
    template = await treesOf(store);
    await store.close();
    assert.deepEqual([...template.keys()].sort(), [...TEMPLATE].sort());
  });
  after(() => rmSync(top, { recursive: true }));

  const directory = (): string => join(top, "store");

  /** Kills the operation at a step. @returns whether it ended before that, and whether a caller knew that it was done */
  function killedAt(name: string, step: number): { ended: boolean; acknowledged: boolean } {
    rmSync(directory(), { recursive: true, force: true });
    execFileSync("cp", ["-a", join(top, "template"), directory()]);
    const plan = join(top, "plan");
    rmSync(plan, { force: true });
    const child = spawnSync(process.execPath, [CHILD, directory(), name, `change@${step}=kill`], {
      encoding: "utf8",
      env: { ...process.env, SNAPMOUNT_FAULT: plan },
      timeout: 60_000,
    });
    const ended = child.stdout.includes("done");
    if (ended) assert.equal(child.status, 0, child.stderr);
    else assert.equal(child.signal, "SIGKILL", child.stderr);
    return { ended, acknowledged: child.stdout.includes("acknowledged") };
  }

  /** Opens what was left, lets it finish, and compares it with what may be there. */
  async function recovered({ before, after, between = [] }: Operation, acknowledged: boolean): Promise<void> {
    const store = await openStore(directory(), { engine: createCopyEngine() });
    let trees: Trees;
    let next: number;
    try {
      assert.deepEqual(store.recovered, []);
      trees = await treesOf(store);
      const infos = [...store.reader.list("committed", undefined, 100)];
      for (const { id } of infos) await store.whenDurable(id);
      await store.cleanup();
      next = (await store.prepare("used", undefined)).id;
      assert.ok(infos.every(({ id }) => id < next));
    } finally {
      await store.close();
    }
    const made = new Map([...after, ...between].map((text) => text.split("=") as [string, string]));
    for (const [path, lines] of trees) {
      if (TEMPLATE.includes(path)) assert.deepEqual(lines, template.get(path), path);
      else {
        const source = made.get(path);
        assert.ok(source !== undefined, `${path} should not be there`);
        if (source !== "") assert.deepEqual(lines, template.get(source), path);
      }
    }
    for (const path of TEMPLATE) assert.ok(trees.has(path) || before.includes(path), `${path} is missing`);
    const isDone = after.every((text) => trees.has(text.split("=")[0]!));
    const isThere = before.every((path) => trees.has(path));
    if (acknowledged) assert.ok(isDone, "what was acknowledged is there");
    if (acknowledged) assert.ok(before.length === 0 || !isThere, "what was taken away is gone");
    if (before.length > 0 && after.length > 0) assert.notEqual(isDone, isThere);
    const { findings } = await inspectStore(directory(), { repair: false, engine: createCopyEngine() });
    assert.deepEqual(findings, []);
    const names = readdirSync(join(directory(), "snapshots"));
    const owned = [...trees.keys()].filter((path) => !path.startsWith("views/")).length + 1;
    assert.equal(names.length, owned, names.join(" "));
  }

  for (const [name, operation] of Object.entries(OPERATIONS)) {
    it(`of: ${name}`, async (test) => {
      let step = 0;
      for (let ended = false; !ended; ) {
        step++;
        assert.ok(step < MOST_STEPS, "it comes to an end");
        const result = killedAt(name, step);
        ended = result.ended;
        try {
          await recovered(operation, result.acknowledged);
        } catch (error) {
          throw new Error(`killed at step ${step}: ${error instanceof Error ? error.message : error}`, {
            cause: error,
          });
        }
      }
      assert.ok(step > 1, "it was killed at least once");
      test.diagnostic(`${step - 1} steps`);
    });
  }
});
