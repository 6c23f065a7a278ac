import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { after, afterEach, before, beforeEach, describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { Arena } from "./support/arena.js";
import { FaultPlan } from "./support/fault-plan.js";
import type { FileSystemType } from "./support/image.js";

/** Every entry takes the copying threads so long, in milliseconds, that a program gets far ahead of them. */
const SLOW = "copying=delay:25";
/** On btrfs there is something to copy only where no subvolumes can be made. */
const COPY = "subvol_create=EPERM";

const TYPES: readonly FileSystemType[] = ["ext4", "xfs", "btrfs"];

for (const type of TYPES) {
  describe(`a copy that is still under way, on ${type}`, () => {
    const plan = new FaultPlan(COPY);
    let arena: Arena;
    let plain: string;
    const faults = (...rules: string[]): void => plan.set(COPY, ...rules);
    const info = (entry: string, name: string): string =>
      readFileSync(join(arena.mnt, "info", entry, name), "utf8").trimEnd();
    const complete = (entry: string): string => info(entry, "path");
    const isPending = (): void => assert.match(info("active/web", "state"), /^preparing \d+%$/);
    const same = (a: string, b: string, ...options: string[]): void => {
      const result = arena.program("compare_trees", a, b, ...options);
      assert.equal(result.stdout.slice(0, 3000), "");
      assert.equal(result.status, 0, result.stderr);
    };
    const change = (tree: string): string => {
      const result = arena.program("change_tree", tree);
      assert.equal(result.status, 0, result.stderr);
      return result.stdout;
    };
    const copyOf = (tree: string): string => {
      const copy = arena.nativeDirectory("copy");
      execFileSync("cp", ["-a", `${tree}/.`, copy]);
      return copy;
    };

    before(() => {
      plan.enter();
      arena = new Arena({ type });
      plain = arena.nativeDirectory("plain");
      arena.program("make_tree", plain);
      arena.sh(`cp -a '${plain}' active/base && mv active/base committed/`);
    });
    after(() => {
      arena.close();
      plan.dispose();
    });
    beforeEach(() => faults());
    afterEach(async () => {
      faults();
      arena.sh(`for name in $(ls active); do rmdir "info/active/$name"; done`);
      arena.sh(`for name in $(ls committed | grep -v base); do rmdir "committed/$name"; done`);
      const names = (): string[] => readdirSync(`${arena.store}/snapshots`);
      for (let i = 0; i < 400 && names().length > 1; i++) await sleep(25);
      assert.deepEqual(names(), ["1"], "nothing is left behind");
    });

    it("shows the same names, attributes and numbers as when it is complete", () => {
      const list = (): string =>
        arena.sh(`cd active/web && find . -printf '%p %i %m %n %u %g %s %T@ %y %l\\n' | sort`);
      faults(SLOW);
      arena.sh("mkdir active/web@base");
      const then = list();
      isPending();
      assert.equal(info("active/web", "method"), "pending");
      faults();
      complete("active/web");
      assert.equal(info("active/web", "method"), type === "ext4" ? "copy_file_range" : "reflink");
      assert.equal(list(), then);
      same(plain, `${arena.mnt}/active/web`);
    });

    it("answers extended attributes and ACLs without waiting for contents", () => {
      faults(SLOW);
      arena.sh("mkdir active/web@base");
      const dump = (tree: string): string =>
        execFileSync("getfattr", ["-Rdhm-", "-e", "hex", "."], { cwd: tree, encoding: "utf8" });
      const ours = dump(`${arena.mnt}/active/web`);
      isPending();
      assert.equal(sorted(ours), sorted(dump(plain)));
    });

    it("keeps every change that is made meanwhile", () => {
      const expected = copyOf(plain);
      faults(SLOW);
      arena.sh("mkdir active/web@base");
      isPending();
      const said = change(`${arena.mnt}/active/web`);
      faults();
      complete("active/web");
      assert.equal(said, change(expected));
      same(expected, `${arena.mnt}/active/web`, "--no-times");
    });

    it("goes on after kill -9 of the daemon, with the changes that were made", async () => {
      const expected = copyOf(plain);
      const step =
        "printf more >> dir1/file4; rm dir2/file1; mv dir3 moved; : > dir4/file5; rm dir5/sub5/linked";
      faults(SLOW);
      arena.sh("mkdir active/web@base");
      arena.sh(`cd active/web && ${step}`);
      isPending();
      process.kill(
        (JSON.parse(readFileSync(`${arena.store}/lock`, "utf8")) as { pid: number }).pid,
        "SIGKILL",
      );
      for (let i = 0; i < 100 && spawnSync("ls", [arena.mnt]).status === 0; i++) await sleep(20);
      faults();
      arena.mount([]);
      complete("active/web");
      execFileSync("sh", ["-ec", step], { cwd: expected });
      same(expected, `${arena.mnt}/active/web`, "--no-times");
    });

    it("can be committed, and copied again, while it is under way", () => {
      faults(SLOW);
      arena.sh("mkdir active/web@base && mv active/web committed/next && mkdir active/child@next");
      assert.equal(info("committed/next", "state"), "committing");
      arena.sh(
        "ls -lR active/child committed/next > /dev/null && mkdir views/look@next && ls -lR views/look >/dev/null",
      );
      same(plain, `${arena.mnt}/views/look`);
      faults();
      complete("active/child");
      same(plain, `${arena.mnt}/active/child`);
      same(plain, `${arena.mnt}/committed/next`);
      arena.sh("rmdir views/look info/active/child");
    });

    it("keeps its parent, and lets go of it when it is removed", () => {
      faults(SLOW);
      arena.sh("mkdir active/web@base && mv committed/base committed/base2");
      const refused = spawnSync("rmdir", ["committed/base2"], { cwd: arena.mnt, encoding: "utf8" });
      assert.match(refused.stderr, /Device or resource busy/);
      isPending();
      arena.sh("mv committed/base2 committed/base");
    });

    it("can be waited for, and whoever waits can be interrupted", () => {
      faults("complete=delay:400", "copying=delay:100");
      arena.sh("mkdir active/web@base");
      const cut = spawnSync("timeout", ["-s", "INT", "0.2", "cat", "active/web/dir0/file14"], {
        cwd: arena.mnt,
      });
      assert.equal(cut.status, 124);
      const path = spawnSync("timeout", ["-s", "INT", "0.2", "cat", "info/active/web/path"], {
        cwd: arena.mnt,
      });
      assert.equal(path.status, 124);
      isPending();
    });

    for (const [errno, text] of [
      ["ENOSPC", "No space left on device"],
      ["EIO", "Input/output error"],
      ["EDQUOT", "Disk quota exceeded"],
    ] as const) {
      it(`that fails with ${errno} says so, answers that where nothing was copied, and is cleared away`, async () => {
        faults(`complete@60+=${errno}`);
        arena.sh("mkdir active/web@base");
        for (let i = 0; i < 200 && /^preparing/.test(info("active/web", "state")); i++) await sleep(25);
        assert.match(info("active/web", "state"), /^failed: /);
        faults();
        const read = spawnSync("sh", ["-c", "find . -type f -exec cat -- {} + > /dev/null"], {
          cwd: join(arena.mnt, "active/web"),
          encoding: "utf8",
        });
        assert.notEqual(read.status, 0);
        assert.ok(read.stderr.includes(text), read.stderr.slice(0, 500));
        const path = spawnSync("cat", ["info/active/web/path"], { cwd: arena.mnt, encoding: "utf8" });
        assert.ok(path.stderr.includes(text), path.stderr);
        assert.notEqual(spawnSync("mv", ["active/web", "committed/bad"], { cwd: arena.mnt }).status, 0);
      });
    }

    it("is waited for with -o prepare=sync, and an interrupted mkdir leaves nothing", () => {
      arena.unmount();
      arena.mount(["prepare=sync"]);
      faults("copying=delay:50");
      const cut = spawnSync("timeout", ["-s", "INT", "0.5", "mkdir", "active/web@base"], { cwd: arena.mnt });
      assert.equal(cut.status, 124);
      assert.deepEqual(readdirSync(`${arena.mnt}/active`), []);
      assert.deepEqual(readdirSync(`${arena.store}/snapshots`), ["1"]);
      faults();
      arena.sh("mkdir active/web@base");
      assert.equal(info("active/web", "state"), "ready");
      same(plain, `${arena.mnt}/active/web`);
    });
  });
}

/** Paragraphs in the order of their text. */
function sorted(dump: string): string {
  return dump
    .split("\n\n")
    .map((paragraph) => paragraph.split("\n").sort().join("\n"))
    .sort()
    .join("\n\n");
}
