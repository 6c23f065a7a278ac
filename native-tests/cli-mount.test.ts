import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import {
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  realpathSync,
  rmSync,
  statfsSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, test } from "node:test";
import { isDeadMount, mountAt } from "../src/daemon/mounts.js";
import { CommandLine, ended, until } from "./support/command-line.js";

let cli: CommandLine;
beforeEach(() => {
  cli = new CommandLine();
});
afterEach(() => cli.dispose());

/** Mounts `store` at `mnt`. @returns the daemon's pid */
function mounted(...options: string[]): number {
  const done = cli.run("store", "mnt", ...options);
  assert.deepEqual([done.status, done.stdout, done.stderr], [0, "", ""]);
  assert.equal(cli.isMounted("mnt"), true);
  const pid = cli.daemon("store");
  assert.ok(pid !== undefined);
  return pid;
}

/** Unmounts `mnt`, with all that belongs to it. */
function unmounted(pid: number): void {
  const done = cli.run("umount", "mnt");
  assert.deepEqual([done.status, done.stdout, done.stderr], [0, "", ""]);
  assert.equal(cli.isMounted("mnt"), false);
  assert.notEqual(cli.daemon("store"), pid);
}

describe("mount and umount", () => {
  test("a mount answers when the command returns, keeps its store across mounts, and leaves no process", async () => {
    const pid = mounted();
    assert.deepEqual(readdirSync(cli.path("mnt")).sort(), ["README", "active", "committed", "info", "views"]);
    assert.equal(statSync(cli.path("store")).mode & 0o777, 0o700);
    mkdirSync(cli.path("mnt/active/web"));
    writeFileSync(cli.path("mnt/active/web/file"), "content");
    unmounted(pid);
    assert.equal(await ended(pid, 5000), true);
    assert.deepEqual(readdirSync(cli.path("mnt")), []);
    const again = mounted();
    assert.deepEqual(readdirSync(cli.path("mnt/active/web")), ["file"]);
    unmounted(again);
  });

  test("the source is the store, or what fsname says; suid and devices are off unless asked for", () => {
    let pid = mounted();
    let mount = mountAt(cli.path("mnt"));
    assert.equal(mount?.source, realpathSync(cli.path("store")));
    assert.match(mount?.options ?? "", /nosuid,nodev/);
    unmounted(pid);
    pid = mounted("-o", "ro,fsname=my\\,store", "-osuid,dev,noexec");
    mount = mountAt(cli.path("mnt"));
    assert.equal(mount?.source, "my,store");
    assert.match(mount?.options ?? "", /^ro,noexec/);
    assert.doesNotMatch(mount?.options ?? "", /nosuid|nodev/);
    assert.throws(() => mkdirSync(cli.path("mnt/active/x")), { code: "EROFS" });
    cli.run("umount", "mnt");
  });

  test("the directory where it was started is not kept busy", async () => {
    const pid = mounted();
    const cwd = execFileSync("readlink", [`/proc/${pid}/cwd`], { encoding: "utf8" });
    assert.equal(cwd, "/\n");
    unmounted(pid);
  });

  test("unmounted by umount(8), the daemon closes the store and ends", async () => {
    const pid = mounted();
    execFileSync("umount", [cli.path("mnt")]);
    assert.equal(await ended(pid, 5000), true);
    unmounted(mounted());
  });

  test("a mount directly after umount(8) waits for the store to be closed", () => {
    mounted();
    execFileSync("umount", [cli.path("mnt")]);
    unmounted(mounted());
  });

  test("umount of a busy mount names who uses it and leaves it mounted", async () => {
    const pid = mounted();
    const user = spawn("sleep", ["60"], { cwd: cli.path("mnt/active"), stdio: "ignore" });
    try {
      await once(user, "spawn");
      const done = cli.run("umount", "mnt");
      assert.equal(done.status, 3);
      assert.match(
        done.stderr,
        new RegExp(`mnt is busy.*\n.*sleep \\(pid ${user.pid}\\) works in .*/mnt/active`),
      );
      assert.equal(cli.isMounted("mnt"), true);
    } finally {
      user.kill();
      await once(user, "exit");
    }
    unmounted(pid);
  });

  test("umount says which other mount namespace it waits for", async () => {
    const pid = mounted();
    const other = spawn("unshare", ["-m", "--propagation", "private", "sleep", "60"], { stdio: "ignore" });
    const mountinfo = `/proc/${other.pid}/mountinfo`;
    const isApart = (): boolean =>
      readlinkSync(`/proc/${other.pid}/ns/mnt`) !== readlinkSync("/proc/self/ns/mnt");
    try {
      assert.equal(
        await until(() => isApart() && readFileSync(mountinfo, "utf8").includes(cli.path("mnt"))),
        true,
      );
      const waiting = cli.start(["umount", "mnt"]);
      const said = new RegExp(
        `which others still use:\n  sleep \\(pid ${other.pid}\\) has it on .*mnt in a mount`,
      );
      assert.equal(await until(() => said.test(waiting.stderr)), true, waiting.stderr);
      other.kill();
      assert.equal(await waiting.exit, 0);
    } finally {
      other.kill();
    }
    assert.equal(await ended(pid, 5000), true);
  });

  test("umount of what is not ours is refused", () => {
    mkdirSync(cli.path("plain"));
    const plain = cli.run("umount", "plain");
    assert.equal(plain.status, 1);
    assert.match(plain.stderr, /plain is not a mountpoint of snapmount: nothing is mounted there/);
    assert.match(cli.run("umount", "/proc").stderr, /of type proc/);
    assert.match(cli.run("umount", "missing/x").stderr, /cannot be resolved/);
  });
});

describe("endings", () => {
  for (const signal of ["SIGTERM", "SIGINT"] as const) {
    test(`${signal} unmounts the daemon in the background`, async () => {
      const pid = mounted();
      process.kill(pid, signal);
      assert.equal(await ended(pid, 5000), true);
      assert.equal(cli.isMounted("mnt"), false);
      unmounted(mounted());
    });
  }

  test("-f stays until it is unmounted, and exits 0", async () => {
    const started = cli.start(["store", "mnt", "-f"]);
    assert.equal(await until(() => cli.isMounted("mnt")), true);
    assert.deepEqual(readdirSync(cli.path("mnt/active")), []);
    assert.equal(cli.run("umount", "mnt").status, 0);
    assert.equal(await started.exit, 0);
    assert.equal(started.stderr, "");
  });

  test("-f ends at SIGINT with 0, and -d says what happens", async () => {
    const started = cli.start(["store", "mnt", "-d"]);
    assert.equal(await until(() => started.stderr.includes("and answers")), true, started.stderr);
    readdirSync(cli.path("mnt"));
    started.child.kill("SIGINT");
    assert.equal(await started.exit, 0);
    assert.equal(cli.isMounted("mnt"), false);
    assert.match(started.stderr, /snapmount:daemon/);
    assert.match(started.stderr, /snapmount:fuse/);
  });

  test("a second signal detaches a busy mount, saying who uses it", async () => {
    // A signal that comes earlier ends a mount that nobody has been promised yet.
    const started = cli.start(["store", "mnt", "-d"]);
    assert.equal(await until(() => started.stderr.includes("and answers")), true, started.stderr);
    const user = spawn("sleep", ["60"], { cwd: cli.path("mnt/active"), stdio: "ignore" });
    try {
      await once(user, "spawn");
      started.child.kill("SIGTERM");
      assert.equal(
        await until(() => /sleep \(pid \d+\) works in/.test(started.stderr)),
        true,
        started.stderr,
      );
      assert.equal(cli.isMounted("mnt"), true);
      started.child.kill("SIGTERM");
      assert.equal(await started.exit, 0);
      assert.equal(cli.isMounted("mnt"), false);
    } finally {
      user.kill();
      await once(user, "exit");
    }
  });

  test("after kill -9 the same command mounts again", async () => {
    const pid = mounted();
    mkdirSync(cli.path("mnt/active/kept"));
    process.kill(pid, "SIGKILL");
    assert.equal(await ended(pid, 5000), true);
    assert.throws(() => statfsSync(cli.path("mnt")), isDeadMount);
    const again = mounted();
    assert.deepEqual(readdirSync(cli.path("mnt/active")), ["kept"]);
    unmounted(again);
  });

  test("a mount directly after kill -9 needs no second try", () => {
    process.kill(mounted(), "SIGKILL");
    unmounted(mounted());
  });

  test("umount clears what kill -9 left", async () => {
    const pid = mounted();
    process.kill(pid, "SIGKILL");
    assert.equal(await ended(pid, 5000), true);
    unmounted(pid);
  });

  test("with auto_unmount nothing is left of a killed daemon", async () => {
    const pid = mounted("-o", "auto_unmount");
    process.kill(pid, "SIGKILL");
    assert.equal(await until(() => !cli.isMounted("mnt")), true);
    assert.deepEqual(readdirSync(cli.path("mnt")), []);
  });

  test("systemd is told when the mount answers and when it ends", async () => {
    const socket = cli.path("notify");
    const listener = spawn(
      "python3",
      [
        "-c",
        "import socket,sys\ns=socket.socket(socket.AF_UNIX,socket.SOCK_DGRAM);s.bind(sys.argv[1]);print('bound',flush=True)\nfor _ in range(2): print(s.recv(4096).decode(),flush=True)",
        socket,
      ],
      { stdio: ["ignore", "pipe", "inherit"] },
    );
    let told = "";
    listener.stdout.on("data", (bytes: Buffer) => {
      told += bytes;
    });
    assert.equal(await until(() => told.includes("bound")), true);
    assert.equal(cli.runIn({ NOTIFY_SOCKET: socket }, "store", "mnt").status, 0);
    const pid = cli.daemon("store");
    assert.equal(await until(() => told.includes(`MAINPID=${pid}\nREADY=1`)), true, told);
    cli.run("umount", "mnt");
    assert.equal(await until(() => told.includes("STOPPING=1")), true, told);
  });
});

describe("bad input gets a clear answer", () => {
  /** Checks a refusal, and that neither a mount nor a directory is left of it. */
  function refused(args: string[], status: number, message: RegExp): void {
    const before = readdirSync(cli.directory).sort();
    const done = cli.run(...args);
    assert.equal(done.status, status, done.stderr);
    assert.match(done.stderr, message);
    assert.equal(done.stdout, "");
    assert.equal(done.stderr.includes("    at "), false, done.stderr);
    assert.deepEqual(readdirSync(cli.directory).sort(), before);
  }

  test("words that are not understood", () => {
    refused([], 2, /missing required argument 'STORE'/);
    refused(["store"], 2, /missing required argument 'MOUNTPOINT'/);
    refused(["store", "mnt", "more"], 2, /too many arguments/);
    refused(["store", "mnt", "--frobnicate"], 2, /unknown option '--frobnicate'/);
    refused(["store", "mnt", "-o", "ro,frobnicate"], 2, /unknown mount option "frobnicate"/);
    refused(["", "mnt"], 2, /the store is an empty word/);
    refused(["store", "mnt", "--driver", "userspace"], 2, /kernel, fuse-native/);
  });

  test("places that cannot be used", () => {
    writeFileSync(cli.path("file"), "");
    mkdirSync(cli.path("full"));
    writeFileSync(cli.path("full/x"), "");
    refused(["file", "mnt"], 1, /store .*file is not a directory/);
    refused(["store", "file"], 1, /mountpoint .*file is not a directory/);
    refused(["store", "full"], 1, /full is not empty/);
    refused(["store", "store/mnt"], 1, /inside the store/);
    refused(["full", "mnt"], 1, /full holds something else/);
    refused(["store", "/proc"], 1, /\/proc is already mounted/);
  });

  test("a store that is mounted already, and a mountpoint that is taken", () => {
    const pid = mounted();
    refused(["store", "other"], 3, new RegExp(`${cli.path("mnt")}`));
    mkdirSync(cli.path("second"));
    refused(
      ["second", "mnt"],
      1,
      /mnt is already mounted \(.*store, type fuse.snapmount\).*snapmount umount/,
    );
    assert.equal(readdirSync(cli.path("mnt")).length, 5);
    unmounted(pid);
  });

  test("a read-only disk, and a full one", () => {
    const disk = cli.path("disk");
    mkdirSync(disk);
    execFileSync("mount", ["-t", "tmpfs", "-o", "size=16k,ro", "none", disk]);
    refused([join(disk, "store"), "mnt"], 1, /disk\/store cannot be used: Read-only file system \(choose/);
    execFileSync("mount", ["-o", "remount,rw,size=16k", disk]);
    const full = cli.run(join(disk, "store"), "mnt");
    assert.equal(full.status, 1, full.stderr);
    assert.match(full.stderr, /[Nn]o space/);
    assert.deepEqual([readdirSync(cli.directory), readdirSync(disk)], [["disk"], []]);
  });

  test("a store on a disk that has become full is mounted, and gives space back", async () => {
    const disk = cli.path("disk");
    mkdirSync(disk);
    execFileSync("mount", ["-t", "tmpfs", "-o", "size=8m", "none", disk]);
    const store = join(disk, "store");
    assert.equal(cli.run(store, "mnt").status, 0);
    mkdirSync(cli.path("mnt/active/big"));
    writeFileSync(cli.path("mnt/active/big/1"), Buffer.alloc(2 ** 20));
    assert.equal(cli.run("umount", "mnt").status, 0);
    assert.throws(() => writeFileSync(join(disk, "filler"), Buffer.alloc(2 ** 24)), { code: "ENOSPC" });
    const done = cli.run(store, "mnt");
    assert.deepEqual([done.status, done.stderr], [0, ""]);
    rmSync(cli.path("mnt/active/big"), { recursive: true });
    const free = (): number => statfsSync(disk).bfree * statfsSync(disk).bsize;
    assert.equal(await until(() => free() >= 2 ** 20), true, `${free()} bytes are free`);
    assert.equal(cli.run("umount", "mnt").status, 0);
  });

  test("no /dev/fuse", async () => {
    const hide = 'mount -t tmpfs none /dev && mknod /dev/null c 1 3 && mknod /dev/urandom c 1 9 && exec "$@"';
    const started = cli.start(["store", "mnt"], ["unshare", "-m", "sh", "-c", hide, "sh"]);
    assert.equal(await started.exit, 4, started.stderr);
    assert.match(started.stderr, /\/dev\/fuse|cannot be mounted/);
    assert.equal(cli.isMounted("mnt"), false);
  });
});
