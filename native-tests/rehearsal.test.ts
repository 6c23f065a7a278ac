import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync, readlinkSync } from "node:fs";
import { after, describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { CommandLine, type Started, until } from "./support/command-line.js";

/** Longer than a daemon takes to begin, in milliseconds. */
const PATIENCE_MS = 2500;

/** @returns where a daemon rehearses now */
function stageOf(daemon: Started): string | undefined {
  const fds = `/proc/${daemon.child.pid}/fd`;
  for (const fd of readdirSync(fds)) {
    try {
      const stage = /^.*\/snapmount-\d+\/rehearsal-[^/]+/.exec(readlinkSync(`${fds}/${fd}`))?.[0];
      if (stage !== undefined) return stage;
    } catch (error) {
      // Closed meanwhile.
      assert.equal((error as NodeJS.ErrnoException).code, "ENOENT");
    }
  }
  return undefined;
}

describe("a daemon rehearses", { timeout: 60_000 }, () => {
  const line = new CommandLine();
  after(() => line.dispose());
  const start = async (name: string, ...options: string[]): Promise<Started> => {
    const daemon = line.start([`${name}.store`, name, "-d", ...options]);
    assert.ok(await until(() => line.isMounted(name)), daemon.stderr);
    return daemon;
  };
  const beginning = async (daemon: Started): Promise<string> => {
    let stage: string | undefined;
    const began = await until(() => {
      stage = stageOf(daemon);
      return stage !== undefined;
    });
    assert.ok(began, daemon.stderr);
    return stage!;
  };
  const unmount = async (name: string, daemon: Started): Promise<void> => {
    const { status, stderr } = line.run("umount", name);
    assert.equal(status, 0, stderr);
    assert.equal(await daemon.exit, 0);
  };

  it("once it is mounted, where nobody sees it, and leaves nothing", async () => {
    const daemon = await start("seen");
    const stage = await beginning(daemon);
    assert.ok(await until(() => /rehearsed in \d+ ms/.test(daemon.stderr)), daemon.stderr);
    assert.ok(await until(() => !existsSync(stage)), stage);
    assert.equal(stageOf(daemon), undefined);
    const inThe = (directory: string): string[] => readdirSync(line.path(`seen/${directory}`));
    assert.deepEqual([...inThe("active"), ...inThe("committed"), ...inThe("views")], []);
    // The first snapshot of this store is the first.
    execFileSync("mkdir", [line.path("seen/active/a")]);
    assert.equal(readFileSync(line.path("seen/info/active/a/id"), "latin1"), "1\n");
    await unmount("seen", daemon);
  });

  it("but ends with the mount", async () => {
    const daemon = await start("short");
    const stage = await beginning(daemon);
    await unmount("short", daemon);
    assert.equal(existsSync(stage), false);
  });

  it("nothing when nothing can be changed", async () => {
    await unmount("fixed", await start("fixed"));
    const daemon = await start("fixed", "-o", "ro");
    await sleep(PATIENCE_MS);
    assert.doesNotMatch(daemon.stderr, /rehears/);
    await unmount("fixed", daemon);
  });
});
