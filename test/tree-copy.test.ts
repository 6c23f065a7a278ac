import assert from "node:assert/strict";
import * as fs from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { rawFromText } from "../src/base/bytes.js";
import { makeRaw } from "../src/store/copy/root.js";
import { Board, Cell, type CopySpec, sharedCells } from "../src/store/copy/spec.js";
import { TreeCopy } from "../src/store/copy/tree-copy.js";
import { usageOf } from "../src/store/copy/trees.js";
import { setFaultHook } from "../src/sys/fault.js";

const NEVER = (): boolean => false;

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
    const spec: CopySpec = {
      id: 1,
      target: at("target"),
      beside: { links: at("links"), snapshot: at("snapshot") },
      sources: [{ path: at("source"), beside: { links: at("none"), snapshot: at("none") } }],
      cells: sharedCells(Object.keys(Cell).length),
      verify: false,
    };
    const copy = new TreeCopy(spec, sharedCells(Board.idle), () => undefined);
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
