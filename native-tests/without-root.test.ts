import assert from "node:assert/strict";
import { execFileSync, type SpawnSyncReturns, spawnSync } from "node:child_process";
import {
  chmodSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { makeImage } from "./support/image.js";
import { TestUser } from "./support/test-user.js";

const REPOSITORY = fileURLToPath(new URL("../..", import.meta.url));
const SNAPMOUNT = join(REPOSITORY, "dist/src/cli/main.js");
const LIMIT_MS = 30_000;

/** What an ordinary user gets who mounts a store of their own; the rest is in the behaviour suite. */
describe("without root", () => {
  let user: TestUser;
  beforeEach(() => {
    user = new TestUser();
  });
  afterEach(() => {
    run("umount", "mnt");
    user.remove();
  });

  /** Runs a program as the user, at home. */
  function as(program: string, args: readonly string[]): SpawnSyncReturns<string> {
    const [command, ...rest] = [...user.prefix, program, ...args];
    const env = { ...process.env, LC_ALL: "C", ...user.environment };
    return spawnSync(command!, rest, { cwd: user.home, encoding: "utf8", timeout: LIMIT_MS, env });
  }
  function run(...args: string[]): SpawnSyncReturns<string> {
    return as(process.execPath, [user.reach(SNAPMOUNT, REPOSITORY), ...args]);
  }
  function mounted(...args: string[]): void {
    const done = run("store", "mnt", ...args);
    assert.deepEqual([done.status, done.stderr], [0, ""]);
  }
  /** Runs a shell command as the user. @returns its output and messages */
  function sh(command: string): string {
    const { stdout, stderr } = as("sh", ["-ec", command]);
    return stdout + stderr;
  }

  test("passthrough is off, which is said once and only to who asks", () => {
    const script = `
      '${process.execPath}' '${user.reach(SNAPMOUNT, REPOSITORY)}' store mnt -d 2> log & daemon=$!
      until test -e mnt/README; do kill -0 $daemon; sleep 0.1; done
      mkdir mnt/active/web; for f in 1 2 3 4; do echo $f > mnt/active/web/$f; cat mnt/active/web/$f; done
      kill $daemon; wait $daemon`;
    assert.equal(sh(script), "1\n2\n3\n4\n");
    assert.equal(readFileSync(`${user.home}/log`, "utf8").match(/no passthrough/g)?.length, 1);
  });

  test("a missing fusermount3, an inaccessible /dev/fuse and allow_other are named with their remedy", () => {
    const refused = (done: SpawnSyncReturns<string>, message: RegExp): void => {
      assert.equal(done.status, 4, done.stderr);
      assert.match(done.stderr, message);
      assert.equal(existsSync(`${user.home}/mnt`), false);
    };
    const program = user.reach(SNAPMOUNT, REPOSITORY);
    const noPath = as("env", [`PATH=${user.home}`, process.execPath, program, "store", "mnt"]);
    refused(noPath, /fusermount3 is missing.*install the package fuse3/);
    refused(run("store", "mnt", "-o", "allow_other"), /allow_other is only for root.*user_allow_other/);
    refused(run("store", "mnt", "-o", "suid,dev"), /only root may mount with -o suid,dev/);
    chmodSync("/dev/fuse", 0o600);
    refused(run("store", "mnt"), /\/dev\/fuse cannot be opened.*chmod 0666 \/dev\/fuse/);
    chmodSync("/dev/fuse", 0o666);
    mounted();
  });

  test("allow_other lets others in where /etc/fuse.conf permits it, and only then", () => {
    mounted();
    chmodSync(user.home, 0o755);
    assert.throws(() => readdirSync(`${user.home}/mnt`), { code: "EACCES" });
    assert.equal(run("umount", "mnt").status, 0);
    const conf = join(user.home, "fuse.conf");
    writeFileSync(conf, "user_allow_other\n");
    execFileSync("mount", ["--bind", conf, "/etc/fuse.conf"]);
    try {
      mounted("-o", "allow_other");
      assert.ok(readdirSync(`${user.home}/mnt`).includes("active"));
    } finally {
      execFileSync("umount", ["/etc/fuse.conf"]);
    }
  });

  for (const [what, spoil, why] of [
    ["a file that the user may not read", "touch odd; chmod 600 odd", /odd.*Permission denied/],
    ["a device that the user may not make", "mknod odd c 1 3", /odd.*Operation not permitted/],
  ] as const) {
    test(`copying ${what} fails with its name and reason, and leaves nothing`, () => {
      mounted();
      sh("mkdir mnt/active/base; echo x > mnt/active/base/file; mv mnt/active/base mnt/committed/");
      const native = sh("cat mnt/info/committed/base/path").trim();
      execFileSync("sh", ["-ec", spoil], { cwd: native });
      const before = sh("ls store/snapshots");
      assert.match(
        sh(
          "mkdir mnt/active/web@base && while grep -q preparing mnt/info/active/web/state; do sleep 0.1; done; cat mnt/info/active/web/state",
        ),
        why,
      );
      assert.match(sh("cat mnt/active/web/odd || true; rmdir mnt/info/active/web"), /denied|not permitted/);
      assert.equal(run("umount", "mnt").status, 0);
      assert.equal(sh("ls store/snapshots"), before);
      mounted("-o", "prepare=sync");
      assert.match(sh("mkdir mnt/active/web@base || true"), /Permission denied|not permitted/);
      assert.equal(sh("ls mnt/active store/snapshots"), `mnt/active:\n\nstore/snapshots:\n${before}`);
    });
  }

  for (const more of ["", ",user_subvol_rm_allowed"]) {
    test(`on btrfs mounted with nosuid,nodev${more} a copy is a snapshot, and nothing of it is left`, () => {
      const directory = mkdtempSync(join(tmpdir(), "snapmount-user-btrfs-"));
      chmodSync(directory, 0o755);
      const image = makeImage("btrfs", directory, "disk", 2 ** 30, `nosuid,nodev${more}`);
      try {
        user.own(image.path);
        const done = run(join(image.path, "store"), "mnt");
        assert.deepEqual([done.status, done.stderr], [0, ""]);
        const snapshots = join(image.path, "store/snapshots");
        const script = `
          mkdir active/base active/base/below; echo x > active/base/file; ln active/base/file active/base/below/link
          mv active/base committed/; mkdir active/web@base; stat -c %h active/web/below/link; cat active/web/file
          cat info/active/web/path > /dev/null; cat info/active/web/method
          mkdir active/gone@base; rmdir info/active/web info/active/gone
          for try in $(seq 100); do ls ${snapshots} | grep -qvx 1 || break; sleep 0.1; done; ls ${snapshots}`;
        assert.equal(sh(`cd mnt; ${script}`), "2\nx\nsnapshot\n1\n");
      } finally {
        run("umount", "mnt");
        image.close();
        rmSync(directory, { recursive: true });
      }
    });
  }
});
