import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { createCopyEngine } from "../src/store/copy/engine.js";
import { inspectStore } from "../src/store/inspection.js";
import { makeManySnapshots, nameOf } from "./support/many.js";

const SNAPMOUNT = fileURLToPath(new URL("../src/cli/main.js", import.meta.url));
const COUNT = 5000;
/** What listing thousands of snapshots over and over may add to the daemon's memory, in KiB. */
const MOST_GROWTH_KIB = 64 * 1024;

describe(`a store of ${COUNT} snapshots`, () => {
  const top = mkdtempSync(join(tmpdir(), "snapmount-scale-"));
  const [store, mnt] = [join(top, "store"), join(top, "mnt")];
  const sh = (command: string): string =>
    execFileSync("sh", ["-ec", command], { cwd: mnt, encoding: "utf8" });
  const run = (...args: string[]): string =>
    execFileSync(process.execPath, [SNAPMOUNT, ...args], { encoding: "utf8" });
  before(async () => {
    execFileSync("mkdir", [store, mnt]);
    await makeManySnapshots(store, COUNT);
    run(store, mnt);
  });
  after(() => {
    run("umount", mnt);
    rmSync(top, { recursive: true });
  });

  const memory = (): number => {
    const { pid } = JSON.parse(readFileSync(join(store, "lock"), "utf8")) as { pid: number };
    return Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))![1]);
  };

  it("is listed whole, in order, each once, and without taking memory for each", () => {
    const expected = Array.from({ length: COUNT }, (_, i) => nameOf(i)).join("\n");
    assert.equal(sh("ls committed").trim(), expected);
    const before = memory();
    for (let i = 0; i < 10; i++) assert.equal(sh("ls -f committed | wc -l").trim(), String(COUNT + 2));
    assert.ok(memory() - before < MOST_GROWTH_KIB, `${memory() - before} KiB more`);
  });

  it("lists what stays exactly once while others come and go", () => {
    const listed =
      sh(`(for i in 1 2 3 4 5 6 7 8; do mkdir active/a$i && mv active/a$i committed/snapshot-new$i; rmdir committed/snapshot-new$i; done) &
      for i in 1 2 3; do ls -f committed; done; wait`);
    const counts = new Map<string, number>();
    for (const name of listed.split("\n")) counts.set(name, (counts.get(name) ?? 0) + 1);
    for (let i = 0; i < COUNT; i++) assert.equal(counts.get(nameOf(i)), 3, nameOf(i));
  });

  it("prepares, commits and removes as any other, survives kill -9, and is in order", async () => {
    sh(`mkdir active/web@${nameOf(40)} && test "$(cat active/web/file)" = ${nameOf(40)}`);
    sh("mv active/web committed/web && sync -f committed/web && rmdir committed/web");
    const { pid } = JSON.parse(readFileSync(join(store, "lock"), "utf8")) as { pid: number };
    process.kill(pid, "SIGKILL");
    run(store, mnt);
    assert.equal(sh("ls committed | wc -l").trim(), String(COUNT));
    run("umount", mnt);
    const { findings, snapshots } = await inspectStore(store, { repair: false, engine: createCopyEngine() });
    assert.deepEqual(findings, []);
    assert.equal(snapshots, COUNT);
    run(store, mnt);
  });
});
