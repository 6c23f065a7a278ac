import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { release } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, it } from "node:test";
import { CommandLine, type Ended, until } from "./support/command-line.js";
import { Holder } from "./support/holder.js";
import { makeImage } from "./support/image.js";

let cli: CommandLine;
beforeEach(() => {
  cli = new CommandLine();
});
afterEach(() => cli.dispose());

/** A store that commands are run on, mounted or not, and how it is called. */
interface Subject {
  readonly store: string;
  readonly mountpoint: string | undefined;
}

function unmounted(store: string): Subject {
  mkdirSync(cli.path(store));
  return { store, mountpoint: undefined };
}

function mounted(store: string): Subject {
  const mountpoint = `${store}-mnt`;
  done(cli.run(store, mountpoint));
  return { store, mountpoint };
}

function done(result: Ended): string {
  assert.equal(result.status, 0, result.stderr);
  return result.stdout;
}

/** Linux 6.9 or later (FUSE_PASSTHROUGH); these tests run as root. */
function hasPassthrough(): boolean {
  const [major = 0, minor = 0] = release().split(".").map(Number);
  return major > 6 || (major === 6 && minor >= 9);
}

/** Where files of a snapshot are written. */
function directory(subject: Subject, ref: string): string {
  if (subject.mountpoint !== undefined) return cli.path(join(subject.mountpoint, ref));
  return done(cli.run("path", subject.store, ref)).trimEnd();
}

/** What a command answers, without what differs from store to store: times, and where it is. */
function answer(subject: Subject, result: Ended): string {
  const plain = (text: string): string =>
    text
      .replaceAll(cli.path(subject.mountpoint ?? subject.store), "STORE")
      .replaceAll(cli.path(subject.store), "STORE")
      .replaceAll(/\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d{3})?Z/g, "TIME");
  return `exit ${result.status}\n${plain(result.stdout)}${plain(result.stderr)}`;
}

type Step = readonly string[] | ((subject: Subject) => void);

/** Every command, as somebody would use them in turn; STORE stands for the store. */
const STORY: readonly Step[] = [
  ["prepare", "STORE", "base", "-l", "env=test"],
  (subject) => {
    const base = directory(subject, "active/base");
    writeFileSync(join(base, "file"), "content\n");
    mkdirSync(join(base, "directory"));
    writeFileSync(join(base, "directory/other"), "x".repeat(10_000));
    run(`find . -exec touch -h -d '2020-02-02 02:02:02.020202020' {} +`, base);
  },
  ["ls", "STORE"],
  ["prepare", "STORE", "base"],
  ["prepare", "STORE", "active/web@committed/none"],
  ["commit", "STORE", "active/none"],
  ["commit", "STORE", "active/base", "-l", "stage=first", "-l", "odd/key@x=a b"],
  ["commit", "STORE", "committed/base"],
  ["prepare", "STORE", "active/web@committed/base", "--wait"],
  ["prepare", "STORE", "db@base"],
  ["view", "STORE", "look@base", "-l", "env=prod"],
  ["view", "STORE", "empty"],
  (subject) => {
    const web = directory(subject, "active/web");
    run("rm file; mkdir new; echo added > new/file; chmod 600 directory/other; ln -s new link", web);
    run(`find . -exec touch -h -d '2021-01-01 01:01:01.010101010' {} +`, web);
  },
  ["diff", "STORE", "active/web"],
  ["diff", "STORE", "active/web", "--json"],
  ["diff", "STORE", "active/web", "--stat", "--exit-code"],
  ["diff", "STORE", "active/db", "--exit-code"],
  ["diff", "STORE", "active/web", "active/db", "--stat", "--json"],
  ["diff", "STORE", "committed/base"],
  ["commit", "STORE", "active/web", "web-1"],
  ["commit", "STORE", "active/db", "web-1"],
  ["rename", "STORE", "committed/web-1", "web 2"],
  ["rename", "STORE", "active/none", "some"],
  ["rename", "STORE", "views/look", "empty"],
  ["rename", "STORE", "active/db", "committed/db"],
  ["label", "STORE", "committed/base", "env=prod", "stage=", "note=two words, one = sign"],
  ["label", "STORE", "committed/base", "--json"],
  ["label", "STORE", "committed/none", "a=b"],
  ["label", "STORE", "committed/base", "nonsense"],
  ["hold", "STORE", "committed/web 2", "the", "release"],
  ["hold", "STORE", "views/look"],
  ["ls", "STORE"],
  ["ls", "STORE", "--json"],
  ["ls", "STORE", "-q", "--sort", "size", "--reverse", "-k", "committed", "-k", "view"],
  ["ls", "STORE", "-q", "--sort", "created"],
  ["ls", "STORE", "-q", "--filter", "labels.env==prod", "--filter", "name~=^w"],
  ["ls", "STORE", "-q", "--filter", "labels.env==prod,kind==view"],
  ["ls", "STORE", "-q", "--filter", 'labels."odd/key@x"=="a b"'],
  ["ls", "STORE", "--filter", "name=x"],
  ["ls", "STORE", "-k", "nonsense"],
  ["tree", "STORE"],
  ["tree", "STORE", "committed/web 2", "--json"],
  ["info", "STORE", "committed/base", "active/db"],
  ["info", "STORE", "committed/web 2", "--json"],
  ["info", "STORE", "active/none"],
  ["info", "STORE", "none"],
  ["usage", "STORE", "committed/base", "-b"],
  ["usage", "STORE", "--json"],
  ["path", "STORE", "active/db"],
  ["path", "STORE", "views/look", "--json"],
  ["mounts", "STORE", "active/db"],
  ["mounts", "STORE", "views/look", "--json"],
  ["mounts", "STORE", "committed/base"],
  ["why", "STORE", "committed/base"],
  ["why", "STORE", "committed/web 2", "--json"],
  ["why", "STORE", "active/db", "--exit-code"],
  ["rm", "STORE", "committed/base"],
  ["rm", "STORE", "committed/web 2"],
  ["rm", "STORE", "active/none"],
  ["rm", "-n", "STORE", "views/empty", "active/db"],
  ["export", "STORE", "committed/base", "-o", "base.tar", "--digest"],
  ["export", "STORE", "committed/web 2", "--changes", "-o", "web.tar", "--digest"],
  ["export", "STORE", "active/none"],
  ["import", "STORE", "committed/copy", "-i", "base.tar", "-l", "from=tar"],
  ["import", "STORE", "active/layered", "-p", "copy", "-i", "web.tar"],
  ["import", "STORE", "committed/copy", "-i", "base.tar"],
  ["import", "STORE", "active/x", "-i", "none.tar"],
  ["import", "STORE", "views/x", "-i", "web.tar"],
  ["diff", "STORE", "active/layered", "committed/web 2"],
  ["diff", "STORE", "committed/copy", "committed/base"],
  ["prune", "STORE"],
  ["prune", "STORE", "--keep-last", "0", "--dry-run"],
  ["prune", "STORE", "--keep-last", "0", "-k", "active", "-k", "views", "--json"],
  ["prune", "STORE", "--keep-label", "from=tar", "--keep-label", "env"],
  ["release", "STORE", "committed/web 2", "views/look"],
  ["rm", "STORE", "--recursive", "committed/base"],
  ["ls", "STORE", "--json"],
];

function run(command: string, cwd: string): void {
  const result = spawnSync("sh", ["-ec", command], { cwd, encoding: "utf8" });
  assert.equal(result.status, 0, result.stderr);
}

function tell(subject: Subject, name: string): string[] {
  const answers: string[] = [];
  for (const step of STORY) {
    if (typeof step === "function") {
      step(subject);
      continue;
    }
    const args = step.map((word) => (word === "STORE" ? name : word));
    answers.push(`$ ${step.join(" ")}\n${answer(subject, cli.run(...args))}`);
  }
  return answers;
}

describe("every command", () => {
  it("does and prints the same on a mounted and on an unmounted store", () => {
    const direct = tell(unmounted("plain"), "plain");
    const subject = mounted("store");
    const through = tell(subject, subject.mountpoint!);
    assert.deepEqual(through, direct);
    // What it prints is what it should be: the places where that is not seen from the commands that follow.
    const of = (start: string): string => direct.find((text) => text.startsWith(`$ ${start}\n`)) ?? "";
    assert.match(of("ls STORE -q --sort created"), /exit 0\ncommitted\/base\n/);
    assert.equal(
      of("diff STORE active/web"),
      "$ diff STORE active/web\nexit 0\nM directory/other\nD file\nA link\nA new\nA new/file\n",
    );
    assert.match(of("diff STORE active/web --stat --exit-code"), /exit 7\n3 added, 1 modified, 1 deleted/);
    assert.match(of("diff STORE active/layered committed/web 2"), /exit 0\n$/);
    assert.match(
      of("rm STORE committed/base"),
      /exit 3\n.*nothing is removed:\n.*active\/db was made from it/,
    );
    assert.match(of("rm STORE committed/web 2"), /exit 3\n.*\n.*it is held: the release/);
    assert.match(of("rm STORE active/none"), /exit 5\n.*active\/none does not exist/);
    assert.match(of("rename STORE views/look empty"), /exit 6\n.*views\/empty exists already/);
    assert.match(of("info STORE none"), /exit 2\n/);
    assert.match(of("rm -n STORE views/empty active/db"), /exit 0\nviews\/empty\nactive\/db\n$/);
    assert.deepEqual(JSON.parse(of("ls STORE --json").split("exit 0\n")[1] ?? "").length, 5);
    assert.match(direct.at(-1) ?? "", /"name": "committed\/copy"/);
  });

  it("finds a mounted store by its directory, its mountpoint, and a link to either", () => {
    const { store, mountpoint } = mounted("store");
    done(cli.run("prepare", store, "one"));
    done(cli.run("prepare", mountpoint!, "two"));
    run("ln -s store link; ln -s store-mnt mount-link", cli.directory);
    for (const name of [store, mountpoint!, "link", "mount-link", cli.path("store/")])
      assert.equal(done(cli.run("ls", "-q", name)), "active/one\nactive/two\n");
    const status = JSON.parse(done(cli.run("status", store, "--json"))) as Record<string, unknown>;
    assert.equal(status["mountpoint"], cli.path(mountpoint!));
    assert.equal(status["pid"], cli.daemon(store));
    assert.deepEqual([status["driver"], status["passthrough"]], ["kernel", hasPassthrough()]);
    assert.deepEqual(status["snapshots"], { active: 2, committed: 0, views: 0 });
    assert.match(cli.run("ls", cli.path("store-mnt/active")).stderr, /is no store/);
    assert.equal(cli.run("ls", "none").status, 5);
  });

  it("refuses options that stand before it, and takes -n for its own", () => {
    const { store } = unmounted("store");
    done(cli.run("prepare", store, "web"));
    assert.equal(cli.run("-n", "rm", store, "active/web").status, 2);
    assert.equal(done(cli.run("rm", "-n", store, "active/web")), "active/web\n");
    assert.equal(done(cli.run("ls", "-q", store)), "active/web\n");
  });

  it("waits for another one that has the store", async () => {
    const { store } = unmounted("store");
    const names = ["a", "b", "c", "d"];
    const started = names.map((name) => cli.start(["prepare", store, name]));
    assert.deepEqual(await Promise.all(started.map(({ exit }) => exit)), [0, 0, 0, 0]);
    assert.equal(done(cli.run("ls", "-q", store)), "active/a\nactive/b\nactive/c\nactive/d\n");
  });
});

describe("usage", () => {
  for (const [type, own] of [
    ["btrfs", 2 ** 20],
    ["ext4", 5 * 2 ** 20],
  ] as const) {
    it(`tells what is exclusively a snapshot's own on ${type}, ${own >> 20} of 5 MiB`, () => {
      const disk = makeImage(type, cli.directory, "disk", 512 * 2 ** 20);
      try {
        mkdirSync(join(disk.path, "store"));
        const subject = { store: "disk/store", mountpoint: undefined };
        done(cli.run("prepare", "disk/store", "base"));
        run("head -c 4M /dev/urandom > shared", directory(subject, "active/base"));
        done(cli.run("commit", "disk/store", "active/base"));
        done(cli.run("prepare", "disk/store", "web@base"));
        run("head -c 1M /dev/urandom > own", directory(subject, "active/web"));
        const [usage] = JSON.parse(done(cli.run("usage", "disk/store", "active/web", "--json"))) as {
          readonly size: number;
          readonly exclusive: number;
        }[];
        // Directories take a few blocks.
        assert.ok(usage !== undefined && usage.size - 5 * 2 ** 20 < 2 ** 16, JSON.stringify(usage));
        assert.ok(usage.exclusive >= own && usage.exclusive - own < 2 ** 16, JSON.stringify(usage));
      } finally {
        disk.close();
      }
    });
  }
});

describe("why", () => {
  it("names open files, mappings, working directories and bind mounts, by whatever path they are used", async () => {
    const { store, mountpoint } = mounted("store");
    done(cli.run("prepare", store, "web"));
    const web = cli.path(`${mountpoint}/active/web`);
    const native = done(cli.run("path", store, "active/web")).trimEnd();
    run("head -c 8192 /dev/zero > file; mkdir directory", web);
    mkdirSync(cli.path("bind"));
    run(`mount --bind '${web}/directory' bind`, cli.directory);
    const holders = [
      await Holder.start("/", `f = open("${web}/file")`),
      // Python's own mmap keeps a descriptor.
      await Holder.start(
        "/",
        `import ctypes; f = open("${web}/file"); ctypes.CDLL(None).mmap(0, 8192, 1, 2, f.fileno(), 0); f.close()`,
      ),
      await Holder.start(join(native, "directory"), "pass"),
      await Holder.start(cli.path("bind"), "pass"),
    ];
    try {
      const why = done(cli.run("why", join(web, "file")));
      assert.match(why, /python3 \(pid \d+\) has \S+active\/web\/file open\n/);
      assert.match(why, /python3 \(pid \d+\) has \S+file mapped\n/);
      assert.match(why, new RegExp(`python3 \\(pid \\d+\\) works in ${native}/directory\n`));
      assert.match(why, new RegExp(`is mounted on ${cli.path("bind")}\n`));
      assert.match(why, new RegExp(`python3 \\(pid \\d+\\) works in ${cli.path("bind")}\n`));
      assert.doesNotMatch(why, /node \(pid/);
      const refused = cli.run("rm", store, "active/web");
      assert.equal(refused.status, 3);
      assert.match(refused.stderr, /nothing is removed:\n {2}active\/web: /);
    } finally {
      for (const holder of holders) await holder.end();
      run("umount bind", cli.directory);
    }
    assert.match(done(cli.run("why", web)), /nothing that can be seen from here keeps it busy/);
    done(cli.run("rm", store, "active/web"));
  });
});

describe("Ctrl-C", () => {
  for (const kind of ["mounted", "unmounted"] as const) {
    it(`leaves nothing of an import into a store that is ${kind}`, async () => {
      const { store } = kind === "mounted" ? mounted("store") : unmounted("store");
      done(cli.run("prepare", store, "src"));
      done(cli.run("export", store, "active/src", "-o", "whole.tar"));
      const importing = spawn(cli.program, ["import", store, "committed/x"], {
        cwd: cli.directory,
        stdio: ["pipe", "ignore", "pipe"],
      });
      const exit = once(importing, "close");
      // Not the end of it: the import goes on waiting for more.
      importing.stdin.write(readFileSync(cli.path("whole.tar")).subarray(0, 512));
      const isUnderWay = (): boolean => readdirSync(cli.path("store/snapshots")).length > 1;
      assert.ok(await until(isUnderWay), "the import does not begin");
      importing.kill("SIGINT");
      assert.deepEqual(await exit, [130, null]);
      assert.equal(done(cli.run("ls", "-q", store)), "active/src\n");
      assert.ok(await until(() => readdirSync(cli.path("store/snapshots")).length === 1));
    });
  }

  it("leaves no file of an export", async () => {
    const { store } = unmounted("store");
    done(cli.run("prepare", store, "big"));
    const big = directory({ store, mountpoint: undefined }, "active/big");
    run("head -c 600M /dev/zero > file", big);
    const exporting = cli.start(["export", store, "active/big", "-o", "out.tar"]);
    const names = (): string[] => readdirSync(cli.directory).filter((name) => name.startsWith("out.tar"));
    assert.ok(await until(() => names().length > 0));
    exporting.child.kill("SIGINT");
    assert.equal(await exporting.exit, 130);
    assert.deepEqual(names(), []);
  });
});

describe("a terminal", () => {
  /** Runs a shell command on a terminal of its own. @returns all that appears there */
  const onTerminal = (command: string, environment: Record<string, string> = {}): string => {
    const result = spawnSync("script", ["-qec", command, "/dev/null"], {
      cwd: cli.directory,
      encoding: "utf8",
      env: { ...process.env, TERM: "xterm", ...environment },
    });
    assert.equal(result.status, 0, result.stdout);
    return result.stdout;
  };

  it("has colours, unless NO_COLOR says otherwise", () => {
    const { store } = unmounted("store");
    done(cli.run("prepare", store, "web"));
    const ls = `'${cli.program}' ls ${store}`;
    assert.ok(onTerminal(ls).includes("\x1b[32mactive/web\x1b[39m"));
    assert.ok(!onTerminal(ls, { NO_COLOR: "1" }).includes("\x1b"));
    assert.ok(!onTerminal(`${ls} | cat`).includes("\x1b"));
  });

  it("has a progress bar for what lasts longer than a second, and only a terminal has", () => {
    const { store } = unmounted("store");
    done(cli.run("prepare", store, "web"));
    const native = directory({ store, mountpoint: undefined }, "active/web");
    run("for i in 1 2 3; do echo x > f$i; done", native);
    done(cli.run("export", store, "active/web", "-o", "web.tar"));
    // The pause begins when the import does, however long the program takes to start.
    const slowly = (id: number): string =>
      `{ head -c 2048 web.tar; until test -d store/snapshots/${id}; do sleep 0.05; done; sleep 1.5; tail -c +2049 web.tar; }`;
    const shown = onTerminal(`${slowly(2)} | '${cli.program}' import ${store} active/one`);
    assert.match(shown, /importing active\/one/);
    assert.equal(onTerminal(`${slowly(3)} | '${cli.program}' import ${store} active/two 2>err; cat err`), "");
  });
});
