import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { chmodSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { after, afterEach, before, beforeEach, describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { SUBVOLUME_INO } from "../src/sys/btrfs.js";
import { Arena } from "./support/arena.js";
import { FaultPlan } from "./support/fault-plan.js";

/** So long the snapshot of the file system takes, in milliseconds, that programs come before it. */
const SLOW = "snap_create=delay:400";

describe("a btrfs snapshot that is still to be made", () => {
  const faults = new FaultPlan();
  let arena: Arena;
  let plain: string;
  const info = (entry: string, name: string): string =>
    readFileSync(join(arena.mnt, "info", entry, name), "utf8").trimEnd();
  const isPending = (): void => assert.equal(info("active/web", "state"), "preparing 0%");
  const same = (a: string, b: string, ...options: string[]): void => {
    const result = arena.program("compare_trees", a, b, ...options);
    assert.equal(result.stdout.slice(0, 3000), "");
    assert.equal(result.status, 0, result.stderr);
  };
  const isSubvolume = (entry: string): boolean =>
    execFileSync("stat", ["-c", "%i", info(entry, "path")], { encoding: "utf8" }) === "256\n";
  const names = (): string[] => readdirSync(`${arena.store}/snapshots`);
  const left = (): string[] => names().filter((name) => name.startsWith("new-"));
  const killDaemon = async (): Promise<void> => {
    const { pid } = JSON.parse(readFileSync(`${arena.store}/lock`, "utf8")) as { pid: number };
    process.kill(pid, "SIGKILL");
    for (let i = 0; i < 100 && spawnSync("ls", [arena.mnt]).status === 0; i++) await sleep(20);
  };

  before(() => {
    faults.enter();
    arena = new Arena({ type: "btrfs" });
    plain = arena.nativeDirectory("plain");
    arena.program("make_tree", plain);
    arena.sh(`mkdir active/base && cp -a '${plain}/.' active/base && mv active/base committed/`);
  });
  after(() => {
    arena.close();
    faults.dispose();
  });
  beforeEach(() => faults.set(SLOW));
  afterEach(async () => {
    faults.set("");
    arena.sh(`for name in $(ls views); do rmdir "views/$name"; done`);
    arena.sh(`for name in $(ls active); do rmdir "info/active/$name"; done`);
    arena.sh(`for name in $(ls committed | grep -v base); do rmdir "committed/$name"; done`);
    for (let i = 0; i < 400 && names().length > 1; i++) await sleep(25);
    assert.deepEqual(names(), ["1"], "nothing is left behind");
  });

  it("shows its directory at once, which stays the same one", () => {
    const look = "stat --cached=never -c '%i %A %u %g %s %Y %Z %h' . | sed 's/ [0-9]* \\([0-9]*\\)$/ \\1/'";
    const said = arena.sh(`mkdir active/web@base && cd active/web && ${look}
      cat ../../info/active/web/state
      ls > /dev/null; ${look}; ls | wc -l; cat dir1/file4 | wc -c; cat ../../info/active/web/state; ${look}
      cd .. && cd web && ${look}`);
    const [first, then, second, entries, bytes, state, third, fourth] = said.trimEnd().split("\n");
    assert.equal(then, "preparing 0%");
    assert.deepEqual([second, third, fourth], [first, first, first]);
    assert.ok(Number(entries) > 1 && Number(bytes) > 0);
    assert.equal(state, "ready");
    assert.ok(isSubvolume("active/web"));
    assert.equal(info("active/web", "method"), "snapshot");
    same(plain, `${arena.mnt}/active/web`);
  });

  it("takes the place of a plain directory: mkdir does not wait for a subvolume", () => {
    faults.set(`${SLOW},subvol_create=EIO`);
    arena.sh("mkdir active/web@base");
    const native = `${arena.store}/snapshots/${info("active/web", "id")}`;
    assert.notEqual(statSync(native).ino, SUBVOLUME_INO);
    isPending();
    assert.ok(isSubvolume("active/web"));
    assert.equal(statSync(native).ino, SUBVOLUME_INO);
  });

  it("leaves whoever is in the directory, or has it open, where they are", () => {
    const look = "stat -L --cached=never -c %i . /proc/self/fd/3 ../web";
    const said = arena.sh(`mkdir active/web@base && cd active/web && exec 3< . && ${look}
      cat ../../info/active/web/state; echo new > new; ${look}
      cat /proc/self/fd/3/new "$(cat ../../info/active/web/path)/new"`);
    const lines = said.trimEnd().split("\n");
    assert.equal(lines[3], "preparing 0%");
    assert.equal(new Set([...lines.slice(0, 3), ...lines.slice(4, 7)]).size, 1, said);
    assert.deepEqual(lines.slice(7), ["new", "new"]);
  });

  it("is waited for by whoever changes something", () => {
    arena.sh("mkdir active/web@base && chmod 0711 active/web && touch active/web/new");
    arena.sh("mkdir active/two@base && mv active/two/dir1 active/two/moved");
    assert.match(arena.sh("stat -c %a active/web; ls active/web"), /^711\n(.*\n)*new\n/);
    assert.match(arena.sh("ls active/two"), /moved/);
  });

  it("can be committed, looked at and prepared from", () => {
    arena.sh("mkdir active/web@base && mv active/web committed/next && mkdir active/child@next");
    assert.equal(info("committed/next", "state"), "committing");
    arena.sh("mkdir views/look@next && ls -lR views/look > /dev/null");
    same(plain, `${arena.mnt}/views/look`);
    same(plain, `${arena.mnt}/active/child`);
    same(plain, `${arena.mnt}/committed/next`);
    assert.ok(isSubvolume("active/child") && isSubvolume("committed/next"));
    arena.sh("rmdir views/look info/active/child");
  });

  it("is made after kill -9 of the daemon", async () => {
    arena.sh("mkdir active/web@base && mv active/web committed/next && mkdir active/child@next");
    await killDaemon();
    faults.set("");
    arena.mount([]);
    same(plain, `${arena.mnt}/active/child`);
    same(plain, `${arena.mnt}/committed/next`);
    assert.ok(isSubvolume("active/child") && isSubvolume("committed/next"));
    arena.sh("rmdir info/active/child");
  });

  it("takes its place after a kill -9 that came just before, and nothing of it is deleted", async () => {
    faults.set("renameat2=delay:1000");
    arena.sh("mkdir active/web@base");
    for (let i = 0; i < 40 && !names().some((name) => name.endsWith(".snapshot")); i++) await sleep(10);
    await killDaemon();
    assert.ok(names().some((name) => name.endsWith(".snapshot")));
    faults.set("snap_destroy=EPERM,unlinkat=delay:5");
    arena.mount([]);
    same(plain, `${arena.mnt}/active/web`);
    await sleep(200);
    same(plain, `${arena.mnt}/active/web`);
    assert.ok(isSubvolume("active/web"));
  });

  it("takes the place of what walking threads had begun before a kill -9", async () => {
    faults.set("snap_create=EPERM,copying=delay:20");
    arena.sh("mkdir active/web@base");
    const native = `${arena.store}/snapshots/${info("active/web", "id")}`;
    for (let i = 0; i < 100 && readdirSync(native).length < 3; i++) await sleep(10);
    await killDaemon();
    assert.ok(readdirSync(native).length >= 3 && (statSync(native).mode & 0o7777) === 0o1701);
    faults.set("");
    arena.mount([]);
    same(plain, `${arena.mnt}/active/web`);
    assert.ok(isSubvolume("active/web"));
    assert.deepEqual(left(), []);
  });

  it("is known to be complete after a kill -9 that came just after it had taken its place", async () => {
    faults.set("rmdir=delay:1000");
    arena.sh("mkdir active/web@base && mv active/web committed/next && mkdir active/child@next");
    const native = `${arena.store}/snapshots/${info("committed/next", "id")}`;
    for (let i = 0; i < 100 && statSync(native).ino !== SUBVOLUME_INO; i++) await sleep(10);
    await killDaemon();
    assert.ok(names().some((name) => name.endsWith(".snapshot")));
    // Whoever looked for what is left to do would fail.
    faults.set("copying=EIO");
    arena.mount([]);
    same(plain, `${arena.mnt}/active/child`);
    same(plain, `${arena.mnt}/committed/next`);
    assert.equal(info("committed/next", "method"), "snapshot");
    assert.ok(isSubvolume("active/child") && isSubvolume("committed/next"));
    assert.deepEqual(left(), []);
    arena.sh("rmdir info/active/child");
  });

  it("takes the place of a raw subvolume, as older versions have made it, or says why not", async () => {
    for (const rules of ["", "snap_create=EPERM"]) {
      faults.set(SLOW);
      arena.sh("mkdir active/web@base");
      const native = `${arena.store}/snapshots/${info("active/web", "id")}`;
      await killDaemon();
      rmSync(native, { recursive: true });
      execFileSync("btrfs", ["-q", "subvolume", "create", native]);
      chmodSync(native, 0o1701);
      faults.set(rules);
      arena.mount([]);
      if (rules === "") same(plain, `${arena.mnt}/active/web`);
      else assert.match(arena.says("ls active/web"), /Operation not permitted/);
      assert.match(info("active/web", "state"), rules === "" ? /^ready/ : /^failed: /);
      arena.sh("rmdir info/active/web");
    }
  });

  it("goes on after an orderly end", () => {
    arena.sh("mkdir active/web@base");
    arena.unmount();
    faults.set("");
    arena.mount([]);
    same(plain, `${arena.mnt}/active/web`);
  });

  it("is complete when an orderly end comes too late to stop it", () => {
    faults.set("renameat2=delay:400");
    arena.sh("mkdir active/web@base");
    isPending();
    arena.unmount();
    // Whoever looked for what is left to do would be at it for long.
    faults.set("copying=delay:100");
    arena.mount([]);
    assert.equal(info("active/web", "state"), "ready");
    same(plain, `${arena.mnt}/active/web`);
  });

  it("can be removed, renamed and waited for, and keeps its parent", () => {
    arena.sh("mkdir active/gone@base && rmdir info/active/gone");
    arena.sh("mkdir active/web@base && mv active/web active/other");
    assert.match(arena.says("rmdir committed/base"), /Device or resource busy/);
    same(plain, `${arena.mnt}/active/other`);
    arena.sh("mkdir active/web@base");
    const cut = spawnSync("timeout", ["-s", "INT", "0.1", "ls", "active/web"], { cwd: arena.mnt });
    assert.equal(cut.status, 124);
    isPending();
  });

  it("that cannot be made is a copy", () => {
    faults.set("snap_create=EPERM,copying=delay:10");
    arena.sh("mkdir active/web@base && mv active/web committed/next && mkdir active/child@next");
    same(plain, `${arena.mnt}/active/child`);
    same(plain, `${arena.mnt}/committed/next`);
    assert.ok(!isSubvolume("active/child") && !isSubvolume("committed/next"));
    assert.equal(info("committed/next", "method"), "reflink");
    arena.sh("rmdir info/active/child");
  });

  it("that cannot be made, which turns out late, is a copy with what was made from it", () => {
    faults.set("snap_create=delay:400,snap_create@1=EPERM,copying=delay:10");
    arena.sh("mkdir active/web@base && mv active/web committed/next && mkdir active/child@next");
    same(plain, `${arena.mnt}/active/child`);
    same(plain, `${arena.mnt}/committed/next`);
    assert.ok(!isSubvolume("active/child") && !isSubvolume("committed/next"));
    arena.sh("rmdir info/active/child");
  });

  it("that fails says so, with what was made from it", async () => {
    faults.set("snap_create=ENOSPC");
    arena.sh("mkdir active/web@base");
    for (let i = 0; i < 200 && /^preparing/.test(info("active/web", "state")); i++) await sleep(25);
    assert.match(info("active/web", "state"), /^failed: .*No space left on device/);
    assert.match(arena.says("ls active/web"), /No space left on device/);
    faults.set("snap_create=delay:400,snap_create=EIO");
    arena.sh("mkdir active/two@base && mv active/two committed/next && mkdir active/child@next");
    for (const entry of ["committed/next", "active/child"])
      assert.match(arena.says(`ls ${entry}`), /Input\/output error/);
    assert.match(info("active/child", "state"), /^failed: /);
    arena.sh("rmdir info/active/child");
  });

  it("is waited for with -o prepare=sync, and an interrupted mkdir leaves nothing", () => {
    arena.unmount();
    arena.mount(["prepare=sync"]);
    const cut = spawnSync("timeout", ["-s", "INT", "0.1", "mkdir", "active/web@base"], { cwd: arena.mnt });
    assert.equal(cut.status, 124);
    assert.deepEqual(readdirSync(`${arena.mnt}/active`), []);
    assert.deepEqual(names(), ["1"]);
    arena.sh("mkdir active/web@base");
    assert.equal(info("active/web", "state"), "ready");
    same(plain, `${arena.mnt}/active/web`);
    arena.unmount();
    arena.mount([]);
  });
});
