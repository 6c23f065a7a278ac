import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { debianTree } from "../scripts/debian-tree.js";
import { Arena } from "./support/arena.js";
import { CommandLine } from "./support/command-line.js";
import { type Image, makeImage } from "./support/image.js";
import { CHANGES, ODDITIES } from "./support/tree-scripts.js";

/** What is left out of it: the rest is still thousands of files. */
const LESS = "--exclude=var --exclude=usr/lib --exclude=usr/share/doc --exclude=usr/share/locale";
/** What changes the type of things, and hard links from one layer to the next. */
const MORE_CHANGES = `
  rm -r odd/deep; echo file > odd/deep; rm odd/holes; mkdir odd/holes; echo in > odd/holes/in
  ln -sfn elsewhere odd/link2; ln odd/d1/file odd/another; chmod 700 odd/default; touch odd/default/new
  rm odd/user; mv odd/suid odd/default/; truncate -s 20M odd/sparse; ln -sfn default odd/todir
  printf x | dd of=odd/sparse bs=1 seek=10000000 conv=notrunc status=none; setfattr -n user.top -v 1 .
  find odd -newermt '2026-01-01' -exec touch -h -d '2021-01-01 00:00:00.5' {} +
`;
/** The last makes a name of a file that is the same otherwise. */
const SECOND_CHANGES = `
  rm -r odd/holes new; mkdir odd/deeper; mv odd/deep odd/deeper/; rm odd/todir; mkdir odd/todir; echo x > odd/todir/x
  find odd -newermt '2026-01-01' -exec touch -h -d '2022-01-01 00:00:00.25' {} +; chmod 2711 .
  ln odd/d1/file odd/another-name
`;

describe("an archive of a Debian root tree with every oddity", () => {
  let arena: Arena;
  let cli: CommandLine;
  let disk: Image;
  const compare = (a: string, b: string): void => {
    const result = arena.program("compare_trees", a, b);
    assert.equal(result.stdout.slice(0, 4000), "");
    assert.equal(result.status, 0, result.stderr);
  };
  const snapmount = (command: string): void => {
    execFileSync("bash", ["-ec", `set -o pipefail; snapmount() { "$SNAPMOUNT" "$@"; }; ${command}`], {
      cwd: cli.directory,
      env: { ...process.env, SNAPMOUNT: cli.program },
      stdio: ["ignore", "ignore", "inherit"],
    });
  };
  const change = (ref: string, script: string): void => {
    execFileSync("sh", ["-ec", script], { cwd: join(arena.mnt, ref) });
  };
  const file = (name: string): string => cli.path(name);

  before(() => {
    arena = new Arena({ type: "ext4" });
    cli = new CommandLine();
    disk = makeImage("btrfs", cli.directory, "disk", 3 * 2 ** 30);
    mkdirSync(join(disk.path, "store"));
    arena.sh("mkdir active/base");
    arena.sh(`tar -C active/base --xattrs --xattrs-include='*' --acls ${LESS} -xpf '${debianTree()}'`);
    // What tar does not know is left out, and the export says so.
    change("active/base", `{ ${ODDITIES}\n}; cd ..; rm odd/socket`);
    arena.sh("mv active/base committed/");
  });
  after(async () => {
    disk.close();
    await cli.dispose();
    arena.close();
  });

  it("comes out of a mounted store on ext4 and into one on btrfs without a difference", () => {
    snapmount(`snapmount export '${arena.mnt}' committed/base | snapmount import disk/store committed/base`);
    compare(`${arena.mnt}/committed/base`, join(disk.path, "store/snapshots/1"));
  });

  it("is the same for the same tree, whatever store it comes from", () => {
    snapmount(`snapmount export '${arena.mnt}' committed/base -o one.tar`);
    snapmount("snapmount export disk/store committed/base -o two.tar");
    execFileSync("cmp", [file("one.tar"), file("two.tar")]);
  });

  it("goes the other way, through the mount, compressed, and holes stay holes", () => {
    snapmount(
      `snapmount export disk/store committed/base | gzip -1 | snapmount import '${arena.mnt}' active/back`,
    );
    compare(`${arena.mnt}/committed/base`, `${arena.mnt}/active/back`);
  });

  it("is read by GNU tar, and what GNU tar writes is read", () => {
    mkdirSync(file("disk/gnu"));
    execFileSync("tar", [
      "-C",
      file("disk/gnu"),
      "--xattrs",
      "--xattrs-include=*",
      "--acls",
      "--numeric-owner",
      "-xpf",
      file("one.tar"),
    ]);
    compare(`${arena.mnt}/committed/base`, file("disk/gnu"));
    // GNU tar has no links of fifos and of symbolic links to the nanosecond in its own format; so only in pax.
    for (const format of ["gnu", "posix"]) {
      const part = "odd/holes odd/acl odd/user odd/d1 odd/d2 odd/deep";
      const pack = `tar -C '${arena.mnt}/committed/base' -S --format=${format} ${format === "posix" ? "--xattrs --acls" : ""} --numeric-owner -cf - ${part}`;
      snapmount(`${pack} | snapmount import disk/store active/from-${format}`);
    }
    const native = (ref: string): string =>
      JSON.parse(cli.run("path", "disk/store", ref, "--json").stdout).path as string;
    for (const part of ["odd/holes", "odd/acl", "odd/user", "odd/d1/file"]) {
      for (const format of ["gnu", "posix"]) {
        const path = join(native(`active/from-${format}`), part);
        execFileSync("cmp", [path, join(arena.mnt, "committed/base", part)]);
      }
    }
    const blocks = execFileSync("stat", ["-c", "%b", join(native("active/from-gnu"), "odd/holes")], {
      encoding: "utf8",
    });
    assert.ok(Number(blocks) < 100, `odd/holes takes ${blocks.trim()} blocks`);
  });

  it("is a chain of layers that unpacks to the same, here and by GNU tar and a script for whiteouts", () => {
    arena.sh("mkdir active/one@base");
    change("active/one", CHANGES + MORE_CHANGES);
    arena.sh("mv active/one committed/ && mkdir active/two@one");
    change("active/two", SECOND_CHANGES);
    arena.sh("mv active/two committed/");
    for (const name of ["one", "two"]) {
      snapmount(`snapmount export --changes '${arena.mnt}' committed/${name} -o ${name}-layer.tar`);
    }
    snapmount("snapmount import disk/store committed/one -p base -i one-layer.tar");
    snapmount("snapmount import disk/store active/two -p one -i two-layer.tar");
    const ids = (ref: string): string => cli.run("path", "disk/store", ref).stdout.trim();
    compare(`${arena.mnt}/committed/one`, ids("committed/one"));
    compare(`${arena.mnt}/committed/two`, ids("active/two"));
    mkdirSync(file("disk/chain"));
    const layers = ["one.tar", "one-layer.tar", "two-layer.tar"].map(file);
    const applied = arena.program("apply_layers", file("disk/chain"), ...layers);
    assert.equal(applied.status, 0, applied.stderr);
    compare(`${arena.mnt}/committed/two`, file("disk/chain"));
    // Layers hold what has changed, not everything.
    const size = (name: string): number => readFileSync(file(name)).length;
    assert.ok(
      size("two-layer.tar") < size("one.tar") / 20,
      `${size("two-layer.tar")} of ${size("one.tar")} bytes`,
    );
  });
});

/** Archives that try to get out of the tree, as a Python script that writes them. */
const EVIL = `
import io, tarfile
def make(name, *members):
    with tarfile.open(name, "w") as archive:
        for path, type, target in members:
            info = tarfile.TarInfo(path)
            info.type, info.linkname, info.size = type, target, 1 if type == tarfile.REGTYPE else 0
            archive.addfile(info, io.BytesIO(b"x"))
FILE, LINK, HARD = tarfile.REGTYPE, tarfile.SYMTYPE, tarfile.LNKTYPE
make("up", ("../../../outside/evil", FILE, ""))
make("absolute", ("OUTSIDE/evil", FILE, ""))
make("link", ("l", LINK, "OUTSIDE"), ("l/evil", FILE, ""))
make("relative", ("l", LINK, "../../../../outside"), ("l/evil", FILE, ""))
make("through", ("l", LINK, "OUTSIDE/victim"), ("l", FILE, ""))
make("hard", ("l", LINK, "OUTSIDE"), ("h", HARD, "l/victim"), ("h", FILE, ""))
make("hard-up", ("h", HARD, "../../../outside/victim"))
make("chain", ("a", LINK, ".."), ("b", LINK, "a/../../../outside"), ("b/evil", FILE, ""))
make("whiteout", (".wh...", FILE, ""))
make("whiteout-link", ("l", LINK, "OUTSIDE"), ("l/.wh.victim", FILE, ""), ("l/.wh..wh..opq", FILE, ""))
make("top", (".", FILE, ""))
make("device", ("l", LINK, "/proc/self/fd/1"), ("l/evil", FILE, ""))
`;

describe("an archive that wants to get out", () => {
  it("never touches anything outside of the snapshot, in a mounted and an unmounted store", async () => {
    const cli = new CommandLine();
    try {
      for (const name of ["store", "outside", "evil"]) mkdirSync(cli.path(name));
      writeFileSync(cli.path("outside/victim"), "unharmed");
      const script = EVIL.replaceAll("OUTSIDE", cli.path("outside"));
      const made = spawnSync("python3", ["-c", script], { cwd: cli.path("evil"), encoding: "utf8" });
      assert.equal(made.status, 0, made.stderr);
      assert.equal(cli.run("prepare", "store", "parent").status, 0);
      assert.equal(cli.run("commit", "store", "active/parent").status, 0);
      const outcomes: string[][] = [];
      for (const isMounted of [false, true]) {
        if (isMounted) assert.equal(cli.run("store", "mnt").status, 0);
        const outcome: string[] = [];
        for (const name of readdirSync(cli.path("evil")).sort()) {
          const done = cli.run("import", "store", `active/${name}`, "-p", "parent", "-i", `evil/${name}`);
          outcome.push(`${name} ${done.status} ${done.stderr.replace(/^.*?: /, "")}`);
          assert.deepEqual(readdirSync(cli.path("outside")), ["victim"], name);
          assert.equal(readFileSync(cli.path("outside/victim"), "utf8"), "unharmed", name);
          assert.equal(existsSync(cli.path("outside/evil")), false);
          if (done.status === 0) assert.equal(cli.run("rm", "store", `active/${name}`).status, 0);
        }
        outcomes.push(outcome);
        assert.equal(cli.run("ls", "-q", "store").stdout, "committed/parent\n");
      }
      assert.deepEqual(outcomes[1], outcomes[0]);
      const refused = outcomes[0]!.filter((line) => / [1-9]/.test(line)).map((line) => line.split(" ")[0]);
      for (const name of ["up", "hard-up", "whiteout", "top"]) assert.ok(refused.includes(name), name);
    } finally {
      await cli.dispose();
    }
  });
});
