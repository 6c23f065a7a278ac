import assert from "node:assert/strict";
import * as fs from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { Worker } from "node:worker_threads";
import { rawFromText } from "../src/base/bytes.js";
import { AT_FDCWD, O_DIRECTORY, O_PATH, O_RDONLY, O_RDWR, RESOLVE_IN_ROOT } from "../src/sys/constants.js";
import { DirEntries, listDir, readDir, seekDir } from "../src/sys/dir.js";
import { checkPath } from "../src/sys/error.js";
import { close, openAt, openAt2 } from "../src/sys/file.js";
import { Stat, statAt, utimesFd } from "../src/sys/stat.js";

describe("system calls", () => {
  let directory = "";
  const open = (name: string, flags: number): number => {
    const fd = openAt(AT_FDCWD, rawFromText(join(directory, name)), flags);
    assert.ok(fd >= 0);
    return fd;
  };

  before(() => {
    directory = fs.mkdtempSync(join(tmpdir(), "snapmount-sys-"));
  });
  after(() => fs.rmSync(directory, { recursive: true }));

  it("open what is below a directory, whatever is renamed elsewhere meanwhile", async () => {
    fs.mkdirSync(join(directory, "in/side/deep"), { recursive: true });
    fs.writeFileSync(join(directory, "there"), "");
    // Each rename anywhere makes the kernel give up on a path with ".." that is being walked.
    const renamer = new Worker(
      `const { renameSync } = require("node:fs");
       const { workerData: [one, other] } = require("node:worker_threads");
       for (;;) { renameSync(one, other); renameSync(other, one); }`,
      { eval: true, workerData: [join(directory, "there"), join(directory, "elsewhere")] },
    );
    try {
      const until = performance.now() + 500;
      const root = open(".", O_PATH | O_DIRECTORY);
      const path = rawFromText("in/side/deep/../../../in/side/../side/deep/..");
      while (performance.now() < until) {
        const fd = openAt2(root, path, O_RDONLY | O_DIRECTORY, 0, RESOLVE_IN_ROOT);
        assert.ok(fd >= 0, `errno ${-fd}`);
        close(fd);
      }
      close(root);
    } finally {
      await renamer.terminate();
    }
  });

  it("set times before 1970 and after 2038 and 2106, to the nanosecond", () => {
    fs.writeFileSync(join(directory, "file"), "");
    const fd = open("file", O_RDWR);
    const stat = new Stat();
    for (const [atime, mtime] of [
      [-1, -2_000_000_000],
      [0, 2_147_483_648],
      [4_294_967_295, 4_294_967_296],
    ] as const) {
      assert.equal(utimesFd(fd, atime, 999_999_999, mtime, 1), 0);
      assert.equal(statAt(stat, fd, ""), 0);
      assert.deepEqual([stat.atime, stat.atimeNs], [atime, 999_999_999]);
      assert.deepEqual([stat.mtime, stat.mtimeNs], [mtime, 1]);
    }
    close(fd);
  });

  it("list one directory after the other, each whole and with what is in it, however many calls that takes", () => {
    const names = (prefix: string): string[] =>
      Array.from({ length: 1200 }, (_, i) => `${prefix}-${"long".repeat(20)}-${i}`).sort();
    for (const which of ["one", "two"]) {
      fs.mkdirSync(join(directory, which));
      for (const name of names(which)) fs.writeFileSync(join(directory, which, name), "");
    }
    const lists = ["one", "two"].map((which) => {
      const fd = open(which, O_RDONLY | O_DIRECTORY);
      const list = listDir(fd);
      close(fd);
      assert.ok(typeof list !== "number");
      return list;
    });
    for (const [at, which] of ["one", "two"].entries()) {
      assert.deepEqual(lists[at]!.map(({ name }) => name).sort(), names(which));
      const { name, ino } = lists[at]![0]!;
      assert.equal(ino, fs.statSync(join(directory, which, name)).ino);
    }
  });

  it("go on from the cookie of any entry with the one after it", () => {
    fs.mkdirSync(join(directory, "few"));
    for (const name of ["a", "b", "c", "d"]) fs.writeFileSync(join(directory, "few", name), "");
    const fd = open("few", O_RDONLY | O_DIRECTORY);
    const from = (cookie: bigint): DirEntries => {
      const entries = new DirEntries(Buffer.alloc(4096));
      assert.equal(seekDir(fd, cookie), 0);
      entries.length = readDir(fd, entries.buffer);
      return entries;
    };
    const all: { readonly name: string; readonly next: bigint }[] = [];
    for (const entries = from(0n); entries.step(); ) all.push({ name: entries.name, next: entries.next });
    assert.equal(all.length, 6);
    for (const [at, { next }] of all.slice(0, -1).entries()) {
      const entries = from(next);
      assert.ok(entries.step());
      assert.equal(entries.name, all[at + 1]!.name);
    }
    close(fd);
  });

  it("say on which path they failed, in text", () => {
    const path = rawFromText("größe/файл");
    assert.throws(() => checkPath(-2, "open", path), { code: "ENOENT", subject: "größe/файл" });
    assert.equal(checkPath(3, "open", path), 3);
  });
});
