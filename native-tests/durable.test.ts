import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { after, afterEach, before, describe, it } from "node:test";
import { createCopyEngine } from "../src/store/copy/engine.js";
import { inspectStore } from "../src/store/inspection.js";
import { openStore } from "../src/store/store.js";
import { Arena } from "./support/arena.js";
import { FaultPlan } from "./support/fault-plan.js";
import { CuttableDisk } from "./support/power-cut.js";
import { withMount } from "./support/power-cuts.js";

const ERRNOS = ["ENOSPC", "EIO", "EDQUOT"];
const PYTHON = "/usr/bin/python3";
/** Makes the calls that its arguments say, and prints the errno of each. */
const CALLS = `
import errno, os, sys
def fsync(path):
    fd = os.open(path, os.O_RDONLY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
def write(path, text):
    with open(path, "w") as file:
        file.write(text)
for call in sys.argv[1:]:
    try:
        eval(call)
        print("ok")
    except OSError as error:
        print(errno.errorcode[error.errno])
`;

/** Makes calls on a mount from another process. @returns "ok" or the name of the errno of each */
function calls(cwd: string, ...code: string[]): string[] {
  const result = spawnSync(PYTHON, ["-c", CALLS, ...code], { cwd, encoding: "utf8", timeout: 60_000 });
  assert.equal(result.status, 0, result.stderr);
  return result.stdout.trim().split("\n");
}

describe("a store whose disk fails", () => {
  let arena: Arena;
  const faults = new FaultPlan();
  const names = (): string[] => readdirSync(`${arena.store}/snapshots`).sort();
  before(() => {
    arena = faults.during(() => new Arena({ size: 2 ** 29 }));
  });
  afterEach(() => faults.set(""));
  after(() => {
    arena.close();
    faults.dispose();
  });

  for (const errno of ERRNOS) {
    it(`answers ${errno} of the metadata to every operation, and has done nothing of it`, () => {
      arena.sh("mkdir active/base && echo content > active/base/file && mv active/base committed/");
      arena.sh("mkdir active/desk@base views/look@base && cat active/desk/file && cat info/active/desk/path");
      const before = [names(), arena.sh("ls active committed views info/active")];
      faults.set(`transaction=${errno}`);
      const answers = calls(
        arena.mnt,
        "os.mkdir('active/new')",
        "os.mkdir('active/new@base')",
        "os.mkdir('views/new@base')",
        "os.rename('active/desk', 'committed/new')",
        "os.rename('active/desk', 'active/other')",
        "os.rename('committed/base', 'committed/other')",
        "os.rmdir('views/look')",
        "os.rmdir('info/active/desk')",
        "write('info/active/desk/labels/x', 'y')",
      );
      assert.deepEqual(
        answers,
        Array.from({ length: 9 }, () => errno),
      );
      faults.set("");
      assert.equal(
        arena.sh("cat active/desk/file views/look/file committed/base/file"),
        "content\n".repeat(3),
      );
      arena.sh(
        "for i in 1 2 3 4 5 6 7 8 9 10; do ls -A info/active/new 2>/dev/null || break; sleep 0.1; done",
      );
      waitFor(() => names().every((name) => /^\d+$/.test(name)));
      assert.deepEqual([names(), arena.sh("ls active committed views info/active")], before);
      arena.sh(
        "mkdir active/new@base && cat active/new/file && rmdir info/active/new info/active/desk views/look",
      );
      arena.sh("rmdir committed/base");
      waitFor(() => names().length === 0);
    });
  }

  it("says committing until what was committed is on the disk, and fsync waits for that", () => {
    faults.set("syncfs=delay:1500");
    arena.sh("mkdir active/a && echo 1 > active/a/f && mv active/a committed/slow");
    assert.equal(arena.sh("cat info/committed/slow/state"), "committing\n");
    assert.deepEqual(calls(arena.mnt, "fsync('committed/slow')"), ["ok"]);
    assert.equal(arena.sh("cat info/committed/slow/state"), "ready\n");
    arena.sh("rmdir committed/slow");
  });

  it("answers fsync with the errno of a flush that has failed, and goes on when the store is opened again", async () => {
    faults.set("syncfs=EIO");
    arena.sh("mkdir active/a && echo 1 > active/a/f && mv active/a committed/lost");
    assert.deepEqual(calls(arena.mnt, "fsync('committed/lost')"), ["EIO"]);
    assert.notEqual(arena.sh("cat info/committed/lost/state"), "ready\n");
    faults.set("");
    arena.unmount();
    arena.mount([]);
    assert.deepEqual(calls(arena.mnt, "fsync('committed/lost')"), ["ok"]);
    assert.equal(arena.sh("cat info/committed/lost/state committed/lost/f"), "ready\n1\n");
    arena.sh("rmdir committed/lost");
  });

  it("refuses on a full disk, lets snapshots be removed from it, and works again then", async () => {
    arena.sh("mkdir active/big && echo content > active/big/file && mv active/big committed/");
    arena.sh("mkdir active/filler && cd active/filler && (head -c 1G /dev/zero > zeros || true) 2>/dev/null");
    arena.sh("cd active/filler && (i=0; while mkdir $i; do i=$((i+1)); done || true) 2>/dev/null");
    const full = calls(arena.mnt, "os.mkdir('active/more@big')", "os.mkdir('active/more')");
    assert.equal(full[0], "ENOSPC");
    assert.equal(arena.sh("cat committed/big/file"), "content\n");
    assert.deepEqual(calls(arena.mnt, "os.rmdir('info/active/filler')"), ["ok"]);
    waitFor(() => arena.sh("ls active").trim() === (full[1] === "ok" ? "more" : ""));
    waitFor(() => names().every((name) => /^\d+$/.test(name)));
    arena.sh("mkdir active/again@big && cat active/again/file");
    arena.unmount();
    const { findings } = await inspectStore(arena.store, { repair: false, engine: createCopyEngine() });
    assert.deepEqual(findings, []);
    arena.mount([]);
  });
});

describe("fsync of a committed entry", () => {
  it("brings what it was made from to the disk as well, and their relation survives a power cut", async () => {
    const disk = new CuttableDisk("ext4");
    try {
      const remains = await withMount(disk, "syncfs=delay:300", async (mount) => {
        execFileSync("sh", [
          "-ec",
          `cd ${mount} && mkdir active/a && echo 1 > active/a/f && mv active/a committed/parent &&
           mkdir active/b@parent && echo 2 > active/b/g && mv active/b committed/child`,
        ]);
        assert.deepEqual(calls(mount, "fsync('committed/child')"), ["ok"]);
        execFileSync("sh", ["-ec", `cd ${mount} && mkdir active/c@child && mv active/c committed/late`]);
        return await disk.cut();
      });
      remains.mount();
      try {
        const store = await openStore(join(remains.path, "store"), { engine: createCopyEngine() });
        try {
          const child = await store.stat({ kind: "committed", key: "child" });
          assert.equal(child.parent, "parent");
          const path = await store.path(child);
          assert.equal(execFileSync("cat", [`${path}/f`, `${path}/g`], { encoding: "utf8" }), "1\n2\n");
          // The last commit may or may not have got that far; what it was made from is what it was.
          const late = store.reader.list("committed", undefined, 10).find(({ key }) => key === "late");
          const taken = store.recovered.filter((message) => message.startsWith("committed/late"));
          assert.ok(late !== undefined || taken.length === 1 || store.recovered.length > 0);
        } finally {
          await store.close();
        }
      } finally {
        remains.dispose();
      }
    } finally {
      disk.close();
    }
  });
});

describe("a mounted store", () => {
  it("notes who reads its metadata in memory, for all its threads in one place", () => {
    const arena = new Arena({ size: 2 ** 29 });
    try {
      arena.sh("mkdir active/base && mv active/base committed/ && ls committed active");
      const { pid } = JSON.parse(readFileSync(`${arena.store}/lock`, "utf8")) as { pid: number };
      const mappings = readFileSync(`/proc/${pid}/maps`, "utf8").split("\n");
      const tables = mappings.filter((line) => /metadata\.mdb-lock|\/dev\/shm\//.test(line));
      assert.equal(tables.length, 1, tables.join("\n"));
      assert.match(tables[0]!, /\/dev\/shm\/snapmount-0\//);
    } finally {
      arena.close();
    }
  });
});

/** Waits for what goes on in the background. */
function waitFor(condition: () => boolean): void {
  for (let i = 0; i < 100 && !condition(); i++) execFileSync("sleep", ["0.1"]);
  assert.ok(condition());
}
