import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { after, before, describe, it } from "node:test";
import { inspectStore } from "../src/store/inspection.js";
import { isRunning } from "../src/store/lock.js";
import { Arena } from "./support/arena.js";
import { until } from "./support/command-line.js";
import { FaultPlan } from "./support/fault-plan.js";
import { treeLines } from "./support/tree-lines.js";

/** The steps of the store at which the daemon dies, by what is typed; `desk` and `base` are there before. */
const DEATHS: readonly {
  readonly command: string;
  readonly steps: readonly string[];
  /** What may have become of it: listings of active/ and committed/. */
  readonly outcomes: readonly string[];
}[] = [
  {
    command: "mkdir active/new@base",
    steps: ["publish", "transaction", "transacted", "ficlone"],
    outcomes: ["desk base", "desk new base"],
  },
  {
    command: "mv active/desk committed/next",
    steps: ["transacted", "syncfs", "durable"],
    outcomes: ["desk base", "base next"],
  },
  {
    command: "rmdir info/active/desk",
    steps: ["discard", "transaction", "transacted", "unlinkat"],
    outcomes: ["desk base", "base"],
  },
];

describe("a daemon that is killed at a step of the store", () => {
  let arena: Arena;
  let plain: readonly string[];
  const faults = new FaultPlan();
  before(() => {
    arena = faults.during(() => new Arena({ size: 2 ** 29 }));
    arena.sh("mkdir active/base && cp -a /etc/default /etc/passwd active/base/");
    plain = treeLines(`${arena.mnt}/active/base`);
    arena.sh("mv active/base committed/");
  });
  after(() => {
    faults.set("");
    arena.close();
    faults.dispose();
  });

  for (const { command, steps, outcomes } of DEATHS) {
    for (const step of steps) {
      it(`${command}, at ${step}`, async () => {
        arena.sh("test -e active/desk || mkdir active/desk@base; cat info/active/desk/path");
        const { pid } = JSON.parse(readFileSync(`${arena.store}/lock`, "utf8")) as { pid: number };
        faults.set(`${step}=kill`);
        spawnSync("sh", ["-c", command], { cwd: arena.mnt, timeout: 10_000 });
        // Nobody may be left who reaps it.
        const died = await until(() => !isRunning(pid), 5000);
        faults.set("");
        assert.ok(died, `the daemon came to ${step}`);
        faults.during(() => arena.mount([]));
        const listed = arena
          .sh("ls active committed | grep -v : | grep . || true")
          .trim()
          .replaceAll("\n", " ");
        assert.ok(outcomes.includes(listed), listed);
        for (const path of ["committed/base", "active/new", "active/desk", "committed/next"])
          if (listed.split(" ").includes(path.split("/")[1]!)) {
            arena.sh(`cat info/${path}/path`);
            assert.deepEqual(treeLines(`${arena.mnt}/${path}`), plain, path);
          }
        arena.sh("for i in active/new committed/next; do test ! -e $i || rmdir info/$i; done");
        arena.unmount();
        const { findings } = await inspectStore(arena.store, { repair: false });
        assert.deepEqual(findings, []);
        faults.during(() => arena.mount([]));
        assert.ok(
          await until(() => readdirSync(`${arena.store}/snapshots`).every((name) => /^\d+$/.test(name))),
        );
      });
    }
  }
});
