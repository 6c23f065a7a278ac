import assert from "node:assert/strict";
import { type ChildProcessByStdio, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { closeSync, openSync } from "node:fs";
import { release } from "node:os";
import { join } from "node:path";
import type { Readable, Writable } from "node:stream";
import { after, before, describe, it } from "node:test";
import { Arena, SNAPMOUNT } from "./support/arena.js";
import { FaultPlan } from "./support/fault-plan.js";
import { TestUser } from "./support/test-user.js";

/** Linux 6.12 and later list mount namespaces and what is mounted in them. */
const [major = 0, minor = 0] = release().split(".").map(Number);
const isListed = major > 6 || (major === 6 && minor >= 12);

/** How the daemon finds mounts in other namespaces: by the kernel's list, or, where that is not complete, by their processes. */
interface Way {
  readonly rules: readonly string[];
  readonly asUser: boolean;
}
const LISTED: Way = { rules: [], asUser: false };
const WAYS: Record<string, Way> = {
  "by its processes": { rules: ["listmount=ENOSYS"], asUser: false },
  "by an ordinary user who has a process in it": { rules: [], asUser: true },
};
if (isListed) WAYS["by the kernel's list"] = LISTED;

for (const [what, way] of Object.entries(WAYS)) {
  describe(`a commit of what is bind-mounted in another mount namespace only, found ${what}`, () => {
    const faults = new FaultPlan(...way.rules);
    let user: TestUser | undefined;
    let arena: Arena;
    before(() => {
      user = way.asUser ? new TestUser() : undefined;
      arena = faults.during(() => new Arena(user === undefined ? {} : { user }));
    });
    after(() => {
      arena.close();
      user?.remove();
      faults.dispose();
    });

    /** Binds a directory to a place in a mount namespace of its own. @returns the process in it, which waits */
    async function bindElsewhere(
      directory: string,
      at: string,
    ): Promise<ChildProcessByStdio<Writable, Readable, null>> {
      const script = `mount --bind '${directory}' '${at}'; echo; exec ${user?.prefix.join(" ") ?? ""} cat`;
      const child = spawn("unshare", ["--mount", "--propagation", "private", "sh", "-c", script], {
        stdio: ["pipe", "pipe", "inherit"],
      });
      await once(child.stdout, "data");
      assert.equal(arena.sh(`findmnt '${at}' || true`), "");
      return child;
    }

    async function end(child: ChildProcessByStdio<Writable, Readable, null>): Promise<void> {
      const ended = once(child, "close");
      child.stdin.end();
      await ended;
    }

    it("EBUSY until the process in it ends", async () => {
      arena.sh("mkdir -p active/elsewhere/below");
      const native = arena.nativePath("active/elsewhere");
      const child = await bindElsewhere(`${native}/below`, arena.nativeDirectory("elsewhere-at"));
      try {
        assert.match(arena.says("mv active/elsewhere committed/"), /busy/i);
      } finally {
        await end(child);
      }
      assert.equal(arena.says("mv active/elsewhere committed/"), "");
    });

    if (way !== LISTED) return;

    it("EBUSY while a namespace without a process has it", async () => {
      arena.sh("mkdir active/kept");
      const child = await bindElsewhere(arena.nativePath("active/kept"), arena.nativeDirectory("kept-at"));
      const namespace = openSync(`/proc/${child.pid}/ns/mnt`, "r");
      try {
        await end(child);
        assert.match(arena.says("mv active/kept committed/"), /busy/i);
        const args = [SNAPMOUNT, "why", join(arena.mnt, "active/kept")];
        const why = spawnSync(process.execPath, args, { encoding: "utf8" });
        assert.match(why.stdout, /ext4 is mounted in a mount namespace of which no process can be seen/);
      } finally {
        closeSync(namespace);
      }
      assert.equal(arena.says("mv active/kept committed/"), "");
    });
  });
}

if (!isListed) it.skip(`namespaces without a process: needs Linux 6.12, this is ${release()}`);
