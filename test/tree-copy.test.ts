import assert from "node:assert/strict";
import * as fs from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, afterEach, before, beforeEach, describe, it } from "node:test";
import { rawFromText } from "../src/base/bytes.js";
import { createCopyEngine } from "../src/store/copy/engine.js";
import { lock } from "../src/store/copy/locks.js";
import { makeRaw } from "../src/store/copy/root.js";
import { Board, Cell, type CopySpec, sharedCells } from "../src/store/copy/spec.js";
import { TreeCopy } from "../src/store/copy/tree-copy.js";
import { usageOf } from "../src/store/copy/trees.js";
import { ENOENT } from "../src/sys/errno.js";
import { setFaultHook } from "../src/sys/fault.js";

const NEVER = (): boolean => false;
/** More than fit into a block of a directory. */
const MANY = 400;

/** @returns a copy of `source` to `target`, both in a directory */
function specIn(directory: string): CopySpec {
  const at = (name: string): string => join(directory, name);
  return {
    id: 1,
    target: at("target"),
    beside: { links: at("links"), snapshot: at("snapshot") },
    sources: [{ path: at("source"), beside: { links: at("none"), snapshot: at("none") } }],
    cells: sharedCells(Object.keys(Cell).length),
    verify: false,
  };
}

describe("what users remove while their tree is copied", () => {
  let directory = "";
  const at = (path: string): string => join(directory, path);

  before(() => {
    directory = fs.mkdtempSync(join(tmpdir(), "snapmount-tree-copy-"));
    for (const name of ["empty", "kept"]) fs.mkdirSync(at(`source/${name}`), { recursive: true });
    fs.writeFileSync(at("source/kept/file"), "content");
  });
  after(() => {
    setFaultHook(undefined);
    fs.rmSync(directory, { recursive: true });
  });

  /** Removes a directory at the moment when it is open and about to be listed, once. */
  const removeBeforeListing = (path: string, count: number): void => {
    let left = count;
    setFaultHook((operation) => {
      if (operation === "getdents64" && left-- === 1) fs.rmdirSync(path);
      return 0;
    });
  };

  it("is missing in the copy, which goes on", () => {
    makeRaw(at("target"), fs.statSync(at("source")).mode);
    const copy = new TreeCopy(specIn(directory), sharedCells(Board.idle));
    copy.expand("");
    copy.expand(rawFromText("empty"));
    removeBeforeListing(at("target/empty"), 1);
    assert.deepEqual(copy.visit(rawFromText("empty"), NEVER), { directories: [], files: [] });
    setFaultHook(undefined);
    copy.complete("");
    copy.close();
    assert.deepEqual(fs.readdirSync(at("target")), ["kept"]);
    assert.equal(fs.readFileSync(at("target/kept/file"), "utf8"), "content");
  });

  it("does not count", () => {
    fs.mkdirSync(at("counted/gone"), { recursive: true });
    removeBeforeListing(at("counted/gone"), 3);
    assert.equal(usageOf(at("counted"), NEVER).inodes, 2, "both were there when they were looked at");
    assert.equal(fs.existsSync(at("counted/gone")), false);
  });
});

describe("a directory that nobody has asked for yet", () => {
  const board = sharedCells(Board.idle);
  let directory = "";
  let copy: TreeCopy;
  const at = (path: string): string => join(directory, path);
  const expandSmall = (name: string): void => copy.expandSmall(rawFromText(name));

  beforeEach(() => {
    directory = fs.mkdtempSync(join(tmpdir(), "snapmount-tree-copy-"));
    for (const name of ["small/within", "large"]) fs.mkdirSync(at(`source/${name}`), { recursive: true });
    fs.writeFileSync(at("source/small/file"), "content");
    fs.writeFileSync(at("source/file"), "content");
    for (let i = 0; i < MANY; i++) fs.writeFileSync(at(`source/large/a rather long name ${i}`), "");
    makeRaw(at("target"), fs.statSync(at("source")).mode);
    copy = new TreeCopy(specIn(directory), board);
    copy.expand("");
  });
  afterEach(() => {
    copy.close();
    fs.rmSync(directory, { recursive: true });
  });

  it("gets its entries when it is small, and those in it do not", () => {
    expandSmall("small");
    assert.deepEqual(fs.readdirSync(at("target/small")).sort(), ["file", "within"]);
    assert.equal(fs.statSync(at("target/small")).mode, fs.statSync(at("source/small")).mode);
    assert.equal(fs.statSync(at("target/small/file")).size, 0);
    assert.notEqual(fs.statSync(at("target/small/within")).mode, fs.statSync(at("source/small/within")).mode);
  });

  it("stays as it is when it is large, until it is asked for", () => {
    expandSmall("large");
    assert.deepEqual(fs.readdirSync(at("target/large")), []);
    copy.expand(rawFromText("large"));
    assert.equal(fs.readdirSync(at("target/large")).length, MANY);
  });

  it("is not waited for when somebody else is at it", () => {
    const held = fs.openSync(at("target/small"), "r");
    lock(held, board, rawFromText("small"));
    expandSmall("small");
    assert.deepEqual(fs.readdirSync(at("target/small")), []);
    fs.closeSync(held);
    expandSmall("small");
    assert.equal(fs.readdirSync(at("target/small")).length, 2);
  });

  it("stays as it is while its source is made itself, which may be large or locked", () => {
    const spec = specIn(directory);
    makeRaw(at("child"), fs.statSync(at("source")).mode);
    const [nearest] = spec.sources;
    const sources = [{ path: at("target"), beside: nearest!.beside }, ...spec.sources];
    const child = new TreeCopy({ ...spec, target: at("child"), sources }, board);
    child.expand("");
    child.expandSmall(rawFromText("small"));
    assert.deepEqual(
      ["target", "child"].map((name) => fs.readdirSync(at(`${name}/small`)).length),
      [0, 0],
    );
    child.expand(rawFromText("small"));
    assert.deepEqual(
      ["target", "child"].map((name) => fs.readdirSync(at(`${name}/small`)).length),
      [2, 2],
    );
    child.close();
  });

  it("may be a file, or nothing", () => {
    expandSmall("file");
    expandSmall("missing");
    assert.equal(fs.statSync(at("target/file")).size, 0);
    assert.equal(fs.existsSync(at("target/missing")), false);
  });
});

describe("the copy engine, asked for the entries of a directory", () => {
  let directory = "";
  // Nobody copies in the background, so what is there was asked for.
  const engine = createCopyEngine({ workers: 0 });
  before(() => {
    directory = fs.mkdtempSync(join(tmpdir(), "snapmount-tree-copy-"));
  });
  after(async () => {
    await engine.close();
    fs.rmSync(directory, { recursive: true });
  });

  const text = rawFromText;

  it("goes one step further on the way of who asks", async () => {
    fs.mkdirSync(join(directory, "source/a/b/c"), { recursive: true });
    const { sources, target, beside } = specIn(directory);
    const job = engine.begin(sources, target)!;
    job.start(target, beside);
    const isRaw = (path: string): boolean => fs.readdirSync(join(target, path)).length === 0;
    assert.equal(await job.expand(text(""), text("none")), 0);
    assert.deepEqual([isRaw(""), isRaw("a")], [false, true]);
    assert.equal(await job.expand(text("a"), text("b")), 0);
    assert.deepEqual([isRaw("a"), isRaw("a/b")], [false, false]);
    job.cancel();
    await assert.rejects(job.done);
  });

  it("says nothing of a step that fails until somebody takes it", async () => {
    const inner = join(directory, "inner");
    fs.mkdirSync(join(inner, "source/linked"), { recursive: true });
    fs.writeFileSync(join(inner, "source/linked/one"), "");
    fs.linkSync(join(inner, "source/linked/one"), join(inner, "source/linked/two"));
    const { sources, target, beside } = specIn(inner);
    const job = engine.begin(sources, target)!;
    // Files with several links need a directory that cannot be made there.
    job.start(target, { ...beside, links: join(inner, "missing/links") });
    assert.equal(await job.expand(text(""), text("linked")), 0);
    assert.equal(await job.expand(text("linked")), -ENOENT);
    job.cancel();
    await assert.rejects(job.done);
  });
});
