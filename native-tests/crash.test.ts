import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readdirSync, readFileSync } from "node:fs";
import { after, before, describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { Arena } from "./support/arena.js";

/** So many milliseconds after an operation has begun the daemon is killed. */
const MOMENTS = [0, 5, 20, 60, 150];

describe("kill -9 of the daemon", () => {
  let arena: Arena;
  let plain: string;
  before(() => {
    arena = new Arena();
    plain = arena.nativeDirectory("plain");
    arena.sh(
      `cp -a /usr/share/zoneinfo /usr/share/perl '${plain}' && cp -a '${plain}' active/base && mv active/base committed/`,
    );
  });
  after(() => arena.close());

  const names = (): string[] => readdirSync(`${arena.store}/snapshots`);
  const whole = (path: string): void => {
    const result = arena.program("compare_trees", plain, `${arena.mnt}/${path}`);
    assert.equal(result.stdout.slice(0, 2000), "");
    assert.equal(result.status, 0, result.stderr);
  };

  /** Runs a command on the mount, kills the daemon a moment later, and mounts again. */
  async function crash(command: string, after_ms: number): Promise<void> {
    const { pid } = JSON.parse(readFileSync(`${arena.store}/lock`, "utf8")) as { pid: number };
    const running = spawn("sh", ["-c", command], { cwd: arena.mnt, stdio: "ignore" });
    const ended = once(running, "exit");
    await sleep(after_ms);
    process.kill(pid, "SIGKILL");
    await ended;
    arena.mount([]);
  }

  /** Waits until the background work of recovery has left nothing but snapshots. */
  async function settled(): Promise<void> {
    for (let i = 0; i < 200 && names().some((name) => !/^\d+$/.test(name)); i++) await sleep(50);
    assert.deepEqual(
      names().filter((name) => !/^\d+$/.test(name)),
      [],
    );
  }

  for (const moment of MOMENTS) {
    it(`${moment} ms into a prepare leaves it whole or not at all`, async () => {
      await crash("mkdir active/child@base", moment);
      await settled();
      whole("committed/base");
      const listed = readdirSync(`${arena.mnt}/active`);
      if (listed.includes("child")) {
        whole("active/child");
        arena.sh("rmdir info/active/child");
      }
      await settled();
      assert.equal(names().length, 1);
    });

    it(`${moment} ms into a commit leaves it active or committed, whole`, async () => {
      arena.sh("mkdir active/child@base");
      await crash("mv active/child committed/next", moment);
      const committed = readdirSync(`${arena.mnt}/committed`).includes("next");
      whole(committed ? "committed/next" : "active/child");
      assert.equal(readdirSync(`${arena.mnt}/active`).includes("child"), !committed);
      arena.sh(`rmdir info/${committed ? "committed/next" : "active/child"}`);
      await settled();
      assert.equal(names().length, 1);
    });

    it(`${moment} ms into a remove leaves it whole or gone, and nothing behind`, async () => {
      arena.sh("mkdir active/child@base && mv active/child committed/next");
      await crash("rmdir committed/next", moment);
      if (readdirSync(`${arena.mnt}/committed`).includes("next")) {
        whole("committed/next");
        arena.sh("rmdir committed/next");
      }
      whole("committed/base");
      await settled();
      assert.equal(names().length, 1);
    });
  }
});
