import assert from "node:assert/strict";
import * as fs from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { Stat, statAt } from "../src/sys/stat.js";
import { KeptPages } from "../src/tree/entry/kept-pages.js";

const NODE = 7;
/** Longer than a tick of the kernel's clock, in ms. */
const TICK = 40;

let directory = "";
let file = "";
let pages = new KeptPages();

/** Opens the file for a moment. @returns whether the pages that the kernel has of it are said to be right */
function open(how: "r" | "r+" = "r", node = NODE): boolean {
  const fd = fs.openSync(file, how);
  const stat = new Stat();
  assert.equal(statAt(stat, fd, ""), 0);
  const right = pages.areRight(node, fd, stat);
  fs.closeSync(fd);
  return right;
}

beforeEach(async () => {
  directory = fs.mkdtempSync(join(tmpdir(), "snapmount-pages-"));
  file = join(directory, "file");
  fs.writeFileSync(file, "text");
  pages = new KeptPages();
  await sleep(TICK);
});
afterEach(() => fs.rmSync(directory, { recursive: true }));

describe("pages of a file that the kernel has", () => {
  it("are right as long as it is not changed", () => {
    assert.deepEqual([open(), open(), open("r+"), open()], [false, true, true, true]);
  });

  it("are not once it was changed, in whatever way", async () => {
    const changes = [
      () => fs.appendFileSync(file, "more"),
      () => fs.truncateSync(file, 1),
      () => fs.utimesSync(file, 1, 1),
      () => fs.chmodSync(file, 0o600),
    ];
    for (const change of changes) {
      open();
      assert.equal(open(), true);
      change();
      assert.equal(open(), false);
      await sleep(TICK);
    }
  });

  it("are not known to be when it was opened right after a change, whose time the next one may have as well", async () => {
    fs.appendFileSync(file, "more");
    assert.deepEqual([open(), open()], [false, false]);
    await sleep(TICK);
    assert.deepEqual([open(), open()], [false, true]);
  });

  it("are not known to be while somebody may store to it through a mapping, which does not always change the time", () => {
    const writer = fs.openSync(file, "r+");
    assert.deepEqual([open(), open()], [false, false]);
    fs.closeSync(writer);
    assert.deepEqual([open("r+"), open("r+")], [false, false]);
    assert.deepEqual([open(), open()], [false, true]);
  });

  it("are not those of another file that gets the node's number", () => {
    open();
    assert.equal(open("r", NODE + 1), false);
    pages.drop(NODE);
    assert.equal(open(), false);
  });
});
