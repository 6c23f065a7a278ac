import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { after, describe, it } from "node:test";
import { Arena } from "./support/arena.js";

const RACE_SECONDS = Number(process.env["SNAPMOUNT_RACE_SECONDS"] ?? "8");

const MOST_ROUNDS = 6;
const ENOUGH_STEPS = 100;

for (const [variant, options] of Object.entries({ passthrough: [], "no passthrough": ["nopassthrough"] })) {
  describe(`another user, ${variant}`, () => {
    const arena = new Arena({ options });
    after(() => arena.close());

    it(`reaches nothing outside the entry by racing renames against links (${RACE_SECONDS} s)`, () => {
      // How often a step gets through is up to the scheduler: a race that hardly ran proves nothing and is run again.
      let total = 0;
      for (let round = 0; round < MOST_ROUNDS && total <= ENOUGH_STEPS; round++) {
        const outside = arena.nativeDirectory("outside");
        const entry = arena.entry("race");
        const native = arena.nativePath(entry.slice(arena.mnt.length + 1));
        const result = arena.program("symlink_race", entry, native, outside, String(RACE_SECONDS));
        assert.equal(result.status, 0, result.stderr);
        const [first = "", second = ""] = result.stdout.split("\n");
        assert.equal(first, "outside unchanged");
        const [, worked = "0", leaked = "1"] = /worked (\d+), leaked (\d+)/.exec(second) ?? [];
        assert.equal(leaked, "0", "content from outside was read through the entry");
        total += Number(worked);
      }
      assert.ok(total > ENOUGH_STEPS, `the race hardly ran: ${total} steps got through`);
    });
  });
}

describe("what a mount grants by default", () => {
  const arena = new Arena();
  after(() => arena.close());

  /** Runs a command as uid 1000 in the mount. */
  function asUser(command: string): string {
    const args = ["--reuid", "1000", "--regid", "1000", "--clear-groups", "sh", "-c", command];
    const result = spawnSync("setpriv", args, { cwd: arena.mnt, encoding: "utf8" });
    return result.stdout + result.stderr;
  }

  it("is nosuid and nodev", () => {
    arena.sh(
      "mkdir active/bits; cp /usr/bin/id active/bits/id; chmod 4755 active/bits/id; mknod active/bits/null c 1 3; chmod 666 active/bits/null",
    );
    assert.equal(asUser("active/bits/id -u"), "1000\n");
    assert.match(asUser("cat active/bits/null"), /permission denied/i);
    assert.match(arena.sh("grep ' '$PWD' ' /proc/mounts"), /nosuid.*nodev|nodev.*nosuid/);
  });

  it("honours suid and devices with -o suid,dev, where the file system below does", () => {
    const open = new Arena({ options: ["suid", "dev"], mountOptions: "suid,dev" });
    try {
      open.sh(
        "mkdir active/bits; cp /usr/bin/id active/bits/id; chmod 4755 active/bits/id; mknod active/bits/zero c 1 5; chmod 666 active/bits/zero",
      );
      const user = "setpriv --reuid 1000 --regid 1000 --clear-groups";
      assert.equal(open.sh(`${user} active/bits/id -u`), "0\n");
      assert.equal(open.sh(`${user} head -c 3 active/bits/zero | od -An -tx1`), " 00 00 00\n");
      assert.doesNotMatch(open.sh("grep ' '$PWD' ' /proc/mounts"), /nosuid|nodev/);
    } finally {
      open.close();
    }
  });

  it("lets other users read what they may and nothing else", () => {
    arena.sh(
      "mkdir active/rights; echo open > active/rights/open; echo closed > active/rights/closed; chmod 600 active/rights/closed",
    );
    assert.equal(asUser("cat active/rights/open"), "open\n");
    assert.match(asUser("cat active/rights/closed"), /permission denied/i);
    assert.match(asUser("echo x > active/rights/open"), /permission denied/i);
    assert.match(asUser("rm -f active/rights/open"), /permission denied/i);
    assert.match(asUser("mv active/rights committed/"), /permission denied|not permitted/i);
    assert.match(asUser("rmdir info/active/rights"), /permission denied|not permitted/i);
    assert.ok(existsSync(`${arena.mnt}/active/rights/open`));
  });

  it("makes files that no other user can open, not for a moment", () => {
    arena.sh("mkdir -m 777 active/moment");
    const watch = 'while :; do for f in active/moment/*; do cat "$f" 2>/dev/null; done; done';
    const output = arena.sh(`
      timeout 3 setpriv --reuid 65534 --regid 65534 --clear-groups sh -c '${watch}' > /dev/shm/moment-$$ & watcher=$!
      (umask 077; i=0; while kill -0 $watcher 2>/dev/null; do i=$((i+1)); echo secret > active/moment/$((i % 20)); rm active/moment/$((i % 20)); done)
      wait $watcher || true
      cat /dev/shm/moment-$$; rm /dev/shm/moment-$$`);
    assert.equal(output, "");
  });
});
