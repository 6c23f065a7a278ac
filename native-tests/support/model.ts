import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { existsSync, readdirSync, readFileSync, realpathSync } from "node:fs";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
import { createCopyEngine } from "../../src/store/copy/engine.js";
import { inspectStore } from "../../src/store/inspection.js";
import type { Arena } from "./arena.js";

const WORKER = fileURLToPath(new URL("../../../native-tests/programs/model_worker.py", import.meta.url));

interface Report {
  /** What must be there, and the commits that it descends from. */
  readonly snapshots: Readonly<Record<string, readonly string[]>>;
  readonly counts: Readonly<Record<string, number>>;
}

/**
 * Lets processes work at random on a mount, and compares what is there in the end with what they say must be there. Then
 * the store is unmounted and inspected, and mounted again.
 * @returns how many operations of each kind there were
 */
export async function modelRun(
  arena: Arena,
  processes: number,
  seconds: number,
  seed: number,
): Promise<Record<string, number>> {
  const workers = Array.from({ length: processes }, (_, index) => work(arena.mnt, index, seed, seconds));
  // When one fails the others still use the mount.
  await Promise.allSettled(workers);
  const reports = await Promise.all(workers);
  const expected = new Map(reports.flatMap(({ snapshots }) => Object.entries(snapshots)));
  compare(arena, expected);
  arena.unmount();
  const { findings } = await inspectStore(arena.store, { repair: false, engine: createCopyEngine() });
  assert.deepEqual(findings, []);
  const directories = readdirSync(`${arena.store}/snapshots`);
  assert.deepEqual(
    directories.filter((name) => !/^(rm-)?\d+$/.test(name)),
    [],
  );
  arena.mount([]);
  compare(arena, expected);
  const counts: Record<string, number> = {};
  for (const report of reports)
    for (const [name, count] of Object.entries(report.counts)) counts[name] = (counts[name] ?? 0) + count;
  return counts;
}

async function work(mnt: string, index: number, seed: number, seconds: number): Promise<Report> {
  const child = spawn("/usr/bin/python3", [WORKER, mnt, String(index), String(seed), String(seconds)], {
    stdio: ["ignore", "pipe", "pipe"],
  });
  const ended = new Promise<number | null>((resolve) => child.once("close", resolve));
  const [out, complaint] = await Promise.all([text(child.stdout), text(child.stderr)]);
  assert.equal(await ended, 0, `process ${index} of seed ${seed}: ${complaint}`);
  return JSON.parse(out) as Report;
}

function compare(arena: Arena, expected: ReadonlyMap<string, readonly string[]>): void {
  const listed = ["active", "committed", "views"].flatMap((kind) =>
    readdirSync(`${arena.mnt}/${kind}`).map((name) => `${kind}/${name}`),
  );
  assert.deepEqual(listed.sort(), [...expected.keys()].sort());
  for (const [path, lineage] of expected) {
    const file = `${arena.mnt}/${path}/lineage`;
    const found = existsSync(file) ? readFileSync(file, "utf8").split("\n") : [];
    assert.deepEqual(found, lineage, path);
    const parent = `${arena.mnt}/info/${path}/parent`;
    if (!existsSync(parent)) continue;
    // What a parent holds is the beginning of what its child holds.
    const above = expected.get(realpathSync(parent).slice(`${arena.mnt}/info/`.length)) ?? [];
    assert.deepEqual(lineage.slice(0, above.length), above, `${path} has the content of its parent`);
    assert.ok(above.length > 0, `${path} has a parent that is known`);
  }
}
