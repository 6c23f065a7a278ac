import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { linkSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { createCopyEngine } from "../../src/store/copy/engine.js";
import { inspectStore } from "../../src/store/inspection.js";
import { openStore, type Store } from "../../src/store/store.js";
import { contentId, refPath } from "../../src/store/types.js";
import { OPERATIONS, type Operation, TEMPLATE } from "./crash-operations.js";
import { treeLines } from "./tree-lines.js";

const CHILD = fileURLToPath(new URL("./crash-child.js", import.meta.url));
/** More steps than any operation has. */
const MOST_STEPS = 1000;

type Trees = ReadonlyMap<string, readonly string[]>;

/** A store that is made anew for each time its process is killed. */
export class CrashRuns {
  readonly #top: string;
  readonly #store: string;
  readonly #template: string;
  #trees: Trees = new Map();

  private constructor(
    place: string,
    private readonly isBtrfs: boolean,
  ) {
    this.#top = mkdtempSync(join(place, "snapmount-steps-"));
    this.#store = join(this.#top, "store");
    this.#template = join(this.#top, "template");
  }

  /**
   * @param files in each snapshot, besides a second link to the first
   * @param btrfs a directory of btrfs for the stores; default: the usual place for temporary files
   */
  static async make(files: number, btrfs?: string): Promise<CrashRuns> {
    const runs = new CrashRuns(btrfs ?? tmpdir(), btrfs !== undefined);
    await runs.#make(files);
    return runs;
  }

  async #make(files: number): Promise<void> {
    mkdirSync(this.#template);
    const store = await openAlone(this.#template);
    for (const key of ["base", "old", "work", "rubbish"]) {
      await store.prepare(key, undefined);
      fill(await store.path({ kind: "active", key }), key, files);
    }
    for (const key of ["base", "old"]) await store.whenDurable((await store.commit(key, key)).id);
    await store.view("look", "base");
    this.#trees = await treesOf(store);
    await store.close();
    assert.deepEqual([...this.#trees.keys()].sort(), [...TEMPLATE].sort());
  }

  /**
   * Kills an operation at its first step, and so on until it comes to its end, and looks each time at what is left.
   * @param stride 1 for every step
   * @returns how often it was killed
   * @throws Error that names the step
   */
  async killAtSteps(name: string, stride: number): Promise<number> {
    const operation = OPERATIONS[name]!;
    for (let step = 1, kills = 0; step < MOST_STEPS; step += stride, kills++) {
      const { ended, acknowledged } = this.#killAt(name, step);
      try {
        await this.#look(operation, acknowledged);
      } catch (error) {
        const why = error instanceof Error ? error.message : String(error);
        throw new Error(`killed at step ${step} of ${name}: ${why}`, { cause: error });
      }
      if (ended) return kills;
    }
    throw new Error(`${name} does not come to an end`);
  }

  /** @returns whether it ended before that step, and whether a caller knew that it was done */
  #killAt(name: string, step: number): { ended: boolean; acknowledged: boolean } {
    this.#restore();
    const plan = join(this.#top, "plan");
    rmSync(plan, { force: true });
    const child = spawnSync(process.execPath, [CHILD, this.#store, name, `change@${step}=kill`], {
      encoding: "utf8",
      env: { ...process.env, SNAPMOUNT_FAULT: plan },
      timeout: 60_000,
    });
    const ended = child.stdout.includes("done");
    if (ended) assert.equal(child.status, 0, child.stderr);
    else assert.equal(child.signal, "SIGKILL", child.stderr);
    return { ended, acknowledged: child.stdout.includes("acknowledged") };
  }

  #restore(): void {
    rmSync(this.#store, { recursive: true, force: true });
    execFileSync("cp", ["-a", this.#template, this.#store]);
    if (!this.isBtrfs) return;
    // cp makes plain directories of subvolumes.
    for (const name of readdirSync(join(this.#template, "snapshots"))) {
      const [from, to] = [this.#template, this.#store].map((top) => join(top, "snapshots", name)) as [
        string,
        string,
      ];
      rmSync(to, { recursive: true });
      execFileSync("btrfs", ["-q", "subvolume", "snapshot", from, to]);
    }
  }

  /** Opens what was left, lets it finish, uses it, and compares it with what may be there. */
  async #look(operation: Operation, acknowledged: boolean): Promise<void> {
    const store = await openAlone(this.#store);
    let trees: Trees;
    try {
      assert.deepEqual(store.recovered, []);
      trees = await treesOf(store);
      const committed = store.reader.list("committed", undefined, 100);
      for (const { id } of committed) await store.whenDurable(id);
      await store.cleanup();
      const { id } = await store.prepare("used", undefined);
      assert.ok(committed.every((info) => info.id < id));
    } finally {
      await store.close();
    }
    this.#compare(operation, trees, acknowledged);
    const { findings } = await inspectStore(this.#store, { repair: false });
    assert.deepEqual(findings, []);
    const names = readdirSync(join(this.#store, "snapshots"));
    const owned = [...trees.keys()].filter((path) => !path.startsWith("views/")).length + 1;
    assert.equal(names.length, owned, names.join(" "));
  }

  #compare({ before, after, between = [] }: Operation, trees: Trees, acknowledged: boolean): void {
    const made = new Map([...after, ...between].map((text) => text.split("=") as [string, string]));
    for (const [path, lines] of trees) {
      const source = TEMPLATE.includes(path) ? path : made.get(path);
      assert.ok(source !== undefined, `${path} should not be there`);
      if (source !== "") assert.deepEqual(lines, this.#trees.get(source), path);
    }
    for (const path of TEMPLATE) assert.ok(trees.has(path) || before.includes(path), `${path} is missing`);
    const isDone = after.every((text) => trees.has(text.split("=")[0]!));
    const isThere = before.every((path) => trees.has(path));
    if (acknowledged) assert.ok(isDone, "what was acknowledged is there");
    if (acknowledged) assert.ok(before.length === 0 || !isThere, "what was taken away is gone");
    if (before.length > 0 && after.length > 0) assert.notEqual(isDone, isThere);
  }

  close(): void {
    rmSync(this.#top, { recursive: true });
  }
}

function openAlone(directory: string): Promise<Store> {
  return openStore(directory, { engine: createCopyEngine({ workers: 1 }) });
}

/** Fills a directory; different for each seed. */
function fill(directory: string, seed: string, files: number): void {
  mkdirSync(join(directory, "sub"), { mode: 0o750 });
  for (let i = 0; i < files; i++)
    writeFileSync(join(directory, `file${i}`), seed.repeat(5000 * (i + 1)), { mode: 0o640 });
  linkSync(join(directory, "file0"), join(directory, "sub/same"));
}

/** @returns what each snapshot holds, by path */
async function treesOf(store: Store): Promise<Trees> {
  const trees = new Map<string, readonly string[]>();
  await store.walk(async (info) => {
    const id = contentId(info);
    await store.whenCopied(id);
    trees.set(refPath(info), treeLines(join(store.reader.directory, "snapshots", String(id))));
  });
  return trees;
}
