import assert from "node:assert/strict";
import {
  chmodSync,
  cpSync,
  existsSync,
  linkSync,
  lstatSync,
  lutimesSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, beforeEach, describe, it } from "node:test";
import { type RawName, rawFromText } from "../src/base/bytes.js";
import { changeLine, escapePath } from "../src/store/change-line.js";
import { compareTrees, streamChanges } from "../src/store/changes.js";
import { SysError } from "../src/sys/error.js";

const base = mkdtempSync(join(tmpdir(), "snapmount-changes-"));
after(() => rmSync(base, { recursive: true, force: true }));
const before = join(base, "before");
const now = join(base, "now");

const lines = (from: string | undefined = before, to = now): string[] =>
  [...compareTrees(from, to)].map(changeLine);

/** Fills both trees alike. */
function fill(make: (root: string) => void): void {
  make(before);
  cpSync(before, now, { recursive: true, preserveTimestamps: true, verbatimSymlinks: true });
  // cpSync keeps microseconds only.
  for (const name of readdirSync(before, { recursive: true, encoding: "utf8" })) {
    for (const root of [before, now]) lutimesSync(join(root, name), 1000, 1000);
  }
}

describe("compareTrees()", () => {
  beforeEach(() => {
    for (const root of [before, now]) {
      rmSync(root, { recursive: true, force: true });
      mkdirSync(root);
    }
  });

  it("finds nothing between a tree and its copy", () => {
    fill((root) => {
      mkdirSync(join(root, "dir/sub"), { recursive: true });
      writeFileSync(join(root, "dir/file"), "content");
      symlinkSync("file", join(root, "dir/link"));
    });
    assert.deepEqual(lines(), []);
    assert.deepEqual(lines(now, before), []);
  });

  it("lists what was added, modified and deleted in the order of paths", () => {
    fill((root) => {
      for (const dir of ["a", "b/c", "z"]) mkdirSync(join(root, dir), { recursive: true });
      for (const file of ["a/1", "b/c/2", "b.txt", "z/3"]) writeFileSync(join(root, file), file);
    });
    rmSync(join(now, "a"), { recursive: true });
    writeFileSync(join(now, "b/c/2"), "longer");
    mkdirSync(join(now, "new/deep"), { recursive: true });
    writeFileSync(join(now, "new/deep/file"), "");
    writeFileSync(join(now, "z/4"), "");
    // Below b only its time has changed, which is not listed.
    assert.deepEqual(lines(), ["D a", "M b/c/2", "A new", "A new/deep", "A new/deep/file", "A z/4"]);
  });

  it("lists everything when there is nothing to compare with", () => {
    mkdirSync(join(now, "dir"));
    writeFileSync(join(now, "dir/file"), "");
    assert.deepEqual([...compareTrees(undefined, now)].map(changeLine), ["A dir", "A dir/file"]);
  });

  it("finds a file that was rewritten and got its time back, in its last byte too", () => {
    const size = 600_000;
    fill((root) => {
      writeFileSync(join(root, "large"), Buffer.alloc(size, "x"));
      writeFileSync(join(root, "small"), "one");
      writeFileSync(join(root, "same"), "same");
    });
    for (const [name, content] of [
      ["large", Buffer.concat([Buffer.alloc(size - 1, "x"), Buffer.from("y")])],
      ["small", "two"],
    ] as const) {
      writeFileSync(join(now, name), content);
      utimesSync(join(now, name), 1000, 1000);
    }
    assert.deepEqual(lines(), ["M large", "M small"]);
  });

  it("reads sparse files without reading their holes", () => {
    for (const root of [before, now]) {
      for (const name of ["same", "other"]) {
        writeFileSync(join(root, name), "head");
        truncateSync(join(root, name), 2 ** 40);
        utimesSync(join(root, name), 1000, 1000);
      }
    }
    assert.deepEqual(lines(), []);
    writeFileSync(join(now, "other"), "x", { flag: "r+" });
    utimesSync(join(now, "other"), 1000, 1000);
    assert.deepEqual(lines(), ["M other"]);
  });

  it("takes permissions and times of files as changes, and times of directories not", () => {
    fill((root) => {
      for (const dir of ["mode", "time"]) mkdirSync(join(root, dir));
      for (const file of ["mode.txt", "time.txt"]) writeFileSync(join(root, file), "");
      symlinkSync("a", join(root, "link"));
    });
    chmodSync(join(now, "mode"), 0o700);
    chmodSync(join(now, "mode.txt"), 0o600);
    utimesSync(join(now, "time"), 2000, 2000);
    utimesSync(join(now, "time.txt"), 2000, 2000);
    rmSync(join(now, "link"));
    symlinkSync("b", join(now, "link"));
    lutimesSync(join(now, "link"), 1000, 1000);
    chmodSync(now, 0o700);
    assert.deepEqual(lines(), ["M .", "M link", "M mode", "M mode.txt", "M time.txt"]);
    chmodSync(now, lstatSync(before).mode & 0o7777);
  });

  it("calls another type a modification, and leaves out what was in a directory that is none any more", () => {
    fill((root) => {
      mkdirSync(join(root, "dir"));
      writeFileSync(join(root, "dir/gone"), "");
      writeFileSync(join(root, "file"), "");
    });
    rmSync(join(now, "dir"), { recursive: true });
    writeFileSync(join(now, "dir"), "");
    rmSync(join(now, "file"));
    mkdirSync(join(now, "file"));
    writeFileSync(join(now, "file/new"), "");
    assert.deepEqual(lines(), ["M dir", "M file", "A file/new"]);
  });

  it("sees which names are linked", () => {
    for (const root of [before, now]) {
      writeFileSync(join(root, "a"), "same");
      linkSync(join(root, "a"), join(root, "b"));
      for (const name of ["c", "d"]) writeFileSync(join(root, name), "same");
      for (const name of ["a", "c", "d"]) utimesSync(join(root, name), 1000, 1000);
    }
    assert.deepEqual(lines(), []);
    rmSync(join(now, "b"));
    writeFileSync(join(now, "b"), "same");
    rmSync(join(now, "d"));
    linkSync(join(now, "c"), join(now, "d"));
    linkSync(join(now, "c"), join(now, "e"));
    for (const name of ["b", "c"]) utimesSync(join(now, name), 1000, 1000);
    assert.deepEqual(lines(), ["M b", "M d", "A e"]);
  });

  it("is complete: what it lists turns one tree into the other", () => {
    let seed = 7;
    const random = (below: number): number => {
      seed = (seed * 1103515245 + 12345) % 2 ** 31;
      return Math.floor((seed / 2 ** 31) * below);
    };
    const name = (): string => ["a", "b", "ab", "b.", "b-", "ü"][random(6)]!;
    const mutate = (root: string, steps: number): void => {
      for (let i = 0; i < steps; i++) {
        const parent = join(root, ...Array.from({ length: random(3) }, name));
        if (!existsSync(parent) || !lstatSync(parent).isDirectory()) continue;
        const path = join(parent, name());
        if (random(3) === 0) rmSync(path, { recursive: true, force: true });
        else if (lstatSync(path, { throwIfNoEntry: false }) !== undefined) continue;
        else if (random(2) === 0) mkdirSync(path);
        else if (random(4) === 0) symlinkSync(name(), path);
        else writeFileSync(path, String(random(2)));
      }
    };
    const settle = (root: string): void => {
      for (const path of readdirSync(root, { recursive: true, encoding: "utf8" }))
        lutimesSync(join(root, path), 1000, 1000);
    };
    let listed = 0;
    for (let round = 0; round < 120; round++) {
      mutate(before, 40);
      rmSync(now, { recursive: true });
      cpSync(before, now, { recursive: true, verbatimSymlinks: true });
      mutate(now, 20);
      for (const root of [before, now]) settle(root);
      for (const { type, path } of compareTrees(before, now)) {
        listed++;
        const [from, to] = [now, before].map((root) => join(root, Buffer.from(path, "latin1").toString()));
        if (type === "D" || (type === "M" && !lstatSync(from!).isDirectory()))
          rmSync(to!, { recursive: true });
        if (type === "D") continue;
        if (lstatSync(from!).isDirectory()) {
          if (type === "M" && !lstatSync(to!).isDirectory()) rmSync(to!);
          mkdirSync(to!, { recursive: true });
        } else cpSync(from!, to!, { verbatimSymlinks: true });
      }
      settle(before);
      assert.deepEqual(content(before), content(now));
    }
    assert.ok(listed > 200, `only ${listed} changes were tried`);
  });
});

/** Every path with what is there. */
function content(root: string): string[] {
  return readdirSync(root, { recursive: true, encoding: "utf8" })
    .sort()
    .map((path) => {
      const stat = lstatSync(join(root, path));
      if (stat.isDirectory()) return `${path}/`;
      return stat.isSymbolicLink()
        ? `${path} -> ${readlinkSync(join(root, path))}`
        : `${path} ${readFileSync(join(root, path), "utf8")}`;
    });
}

describe("a line of changes", () => {
  it("is one line whatever the name, and can be read back", () => {
    assert.equal(escapePath(rawFromText("a b/ü%@.txt")), "a b/ü%@.txt");
    assert.equal(escapePath(rawFromText("two\nlines\\n\x1b[31m")), "two\\012lines\\\\n\\033[31m");
    assert.equal(escapePath(rawFromText("\u0085")), "\\302\\205");
    assert.equal(escapePath("\xff-\xc3\xbc" as RawName), "\\377-\\303\\274");
    assert.equal(changeLine({ type: "M", path: "" as RawName, mode: 0 }), "M .");
  });
});

describe("streamChanges()", () => {
  it("lists many in pieces, and gives everything back when it is left in the middle", async () => {
    const many = join(base, "many");
    mkdirSync(many);
    for (let i = 0; i < 3000; i++) writeFileSync(join(many, `file ${String(i).padStart(4, "0")}`), "");
    const descriptors = (): number => readdirSync("/proc/self/fd").length;
    const found: string[] = [];
    let pieces = 0;
    for await (const changes of streamChanges(undefined, many)) {
      pieces++;
      found.push(...changes.map(changeLine));
    }
    assert.equal(found.length, 3000);
    assert.deepEqual(found, [...found].sort());
    assert.ok(pieces > 1);
    const open = descriptors();
    for await (const changes of streamChanges(undefined, many)) {
      assert.ok(changes.length > 0);
      break;
    }
    assert.ok(descriptors() <= open);
  });

  it("names what cannot be read", async () => {
    renameSync(join(base, "many"), join(base, "moved"));
    const read = async (): Promise<void> => {
      for await (const _ of streamChanges(undefined, join(base, "many")))
        assert.fail("there is nothing to list");
    };
    await assert.rejects(read, (error) => error instanceof SysError && /many/.test(error.message));
  });
});
