import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { afterEach, beforeEach, describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { CommandLine, ended, until } from "./support/command-line.js";

const SNAPMOUNT = fileURLToPath(new URL("../src/cli/main.js", import.meta.url));
const PACKAGE = fileURLToPath(new URL("../../node_modules/fuse-native", import.meta.url));

let cli: CommandLine;
beforeEach(() => {
  cli = new CommandLine();
});
afterEach(() => cli.dispose());

/** Mounts `store` at `mnt`. @returns the daemon's pid */
function mounted(...options: string[]): number {
  const done = cli.run("store", "mnt", "--driver", "fuse-native", ...options);
  assert.equal(done.status, 0, done.stderr);
  assert.equal(done.stderr.match(/README, Drivers/g)?.length, 1, done.stderr);
  const pid = cli.daemon("store");
  assert.ok(pid !== undefined && cli.isMounted("mnt"));
  return pid;
}

describe("the driver fuse-native", () => {
  test("mounts, says once what it cannot keep, and ends with its mount", async () => {
    let pid = mounted();
    mkdirSync(cli.path("mnt/active/web"));
    writeFileSync(cli.path("mnt/active/web/file"), "content");
    assert.equal(cli.run("umount", "mnt").status, 0);
    assert.equal(await ended(pid, 5000), true);
    pid = mounted("-o", "ro");
    assert.deepEqual(readdirSync(cli.path("mnt/active/web")), ["file"]);
    process.kill(pid, "SIGTERM");
    assert.equal(await ended(pid, 5000), true);
    assert.equal(cli.isMounted("mnt"), false);
  });

  test("-f stays until it is unmounted, and exits 0", async () => {
    const started = cli.start(["store", "mnt", "-f", "--driver", "fuse-native"]);
    assert.equal(await until(() => cli.isMounted("mnt")), true, started.stderr);
    assert.equal(cli.run("umount", "mnt").status, 0);
    assert.equal(await started.exit, 0);
  });

  test("a busy mount stays, and a second signal detaches it", async () => {
    const started = cli.start(["store", "mnt", "-f", "--driver", "fuse-native"]);
    assert.equal(await until(() => cli.isMounted("mnt")), true, started.stderr);
    const user = spawn("sleep", ["60"], { cwd: cli.path("mnt/active"), stdio: "ignore" });
    try {
      await once(user, "spawn");
      assert.match(cli.run("umount", "mnt").stderr, /sleep \(pid \d+\) works in/);
      started.child.kill("SIGTERM");
      assert.equal(await until(() => /sleep \(pid/.test(started.stderr)), true, started.stderr);
      started.child.kill("SIGTERM");
      assert.equal(await started.exit, 0);
      assert.equal(cli.isMounted("mnt"), false);
    } finally {
      user.kill();
      await once(user, "exit");
    }
  });

  test("after kill -9 the same command mounts again, and auto_unmount leaves nothing", async () => {
    let pid = mounted();
    mkdirSync(cli.path("mnt/active/kept"));
    process.kill(pid, "SIGKILL");
    assert.equal(await ended(pid, 5000), true);
    pid = mounted("-o", "auto_unmount");
    assert.deepEqual(readdirSync(cli.path("mnt/active")), ["kept"]);
    process.kill(pid, "SIGKILL");
    assert.equal(await until(() => !cli.isMounted("mnt")), true);
  });

  test("lets others in only when that is asked for, and never gives them the daemon's suid", () => {
    mounted();
    const asOther = (command: string) =>
      spawnSync("setpriv", ["--reuid=12345", "--regid=12345", "--clear-groups", "sh", "-c", command], {
        encoding: "utf8",
        cwd: "/",
      });
    spawnSync("chmod", ["755", cli.directory]);
    const mnt = cli.path("mnt");
    assert.match(asOther(`ls ${mnt}`).stderr, /Permission denied/);
    assert.equal(cli.run("umount", "mnt").status, 0);
    mounted("-o", "allow_other");
    assert.equal(asOther(`ls ${mnt}`).status, 0);
    spawnSync("mkdir", ["-m", "777", `${mnt}/active/open`]);
    const made = asOther(
      `cd ${mnt}/active/open && python3 -c 'import os; os.open("f", os.O_CREAT | os.O_WRONLY, 0o6755)' && stat -c '%a %u' f`,
    );
    assert.equal(made.stdout, "755 0\n", made.stderr);
    // Lists of access rights are kept, but the kernel does not know of them.
    spawnSync("sh", ["-c", `cd ${mnt}/active/open; echo x > acl; chmod 600 acl; setfacl -m u:12345:r acl`]);
    assert.match(asOther(`getfacl ${mnt}/active/open/acl`).stdout, /^user:12345:r--$/m);
    assert.match(asOther(`cat ${mnt}/active/open/acl`).stderr, /Permission denied/);
    assert.match(asOther(`echo x > ${mnt}/active/x`).stderr, /Permission denied/);
  });

  /** Mounts in a private namespace in which something is missing. @returns what is said, after the exit code */
  function without(hide: string): string {
    const script = `${hide}\n'${process.execPath}' '${SNAPMOUNT}' store mnt --driver fuse-native 2>&1 || echo "exit $?"`;
    const args = ["-m", "--propagation", "private", "sh", "-ec", script];
    return spawnSync("unshare", args, { cwd: cli.directory, encoding: "utf8" }).stdout;
  }

  test("what is missing is named with its remedy, and nothing is left", () => {
    const system = `for f in $(ldconfig -p | sed -n 's/.*libfuse.so.2 .*=> //p'); do mount --bind /dev/null "$(readlink -f "$f")"; done`;
    const none = without(`mount -t tmpfs none '${PACKAGE}'`);
    assert.match(none, /fuse-native is not installed: leave --driver out, or install it.*\nexit 4\n/);
    const broken = without(`${system}; mount --bind /dev/null '${PACKAGE}/prebuilds/linux-x64/libfuse.so'`);
    assert.match(broken, /fuse-native cannot be loaded.*libfuse2.*\nexit 4\n/);
    assert.deepEqual(readdirSync(cli.directory), []);
    // The library that comes with the package does as well as that of the system.
    assert.doesNotMatch(without(`${system}; trap 'umount mnt' EXIT`), /exit/);
    const options = cli.run("store", "mnt", "--driver=fuse-native", "-o", "strictatime");
    assert.deepEqual([options.status, cli.isMounted("mnt")], [4, false]);
    assert.match(options.stderr, /strictatime is not to be had with --driver fuse-native/);
  });
});
