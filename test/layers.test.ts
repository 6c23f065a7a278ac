import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

/** What each layer may import (DESIGN: cli → daemon → tree → { store, fuse } → sys → base). */
const BELOW: Readonly<Record<string, readonly string[]>> = {
  base: [],
  sys: ["base"],
  fuse: ["sys", "base"],
  store: ["sys", "base"],
  tree: ["store", "fuse", "sys", "base"],
  daemon: ["tree", "store", "fuse", "sys", "base"],
  cli: ["daemon", "tree", "store", "fuse", "sys", "base"],
};
/** The one layer that may import a package. */
const OWNERS: Readonly<Record<string, string>> = {
  koffi: "sys",
  lmdb: "store",
  commander: "cli",
  "cli-progress": "cli",
  "cli-table3": "cli",
  picocolors: "cli",
  tar: "store",
  debug: "base",
  "fuse-native": "fuse",
};

const source = fileURLToPath(new URL("../../src", import.meta.url));

test("every import goes down the layers, and packages have one owner", () => {
  const files = readdirSync(source, { recursive: true, encoding: "utf8" }).filter((file) =>
    file.endsWith(".ts"),
  );
  assert.ok(files.length > 50);
  const wrong: string[] = [];
  for (const file of files) {
    const layer = file.split("/")[0]!;
    const text = readFileSync(join(source, file), "utf8");
    for (const [, wanted] of text.matchAll(/\b(?:from |import |import\()"([^"]+)"/g)) {
      if (wanted === undefined || wanted.startsWith("node:")) continue;
      const target = wanted.startsWith(".")
        ? relative(source, join(source, dirname(file), wanted)).split("/")[0]!
        : undefined;
      const allowed =
        target === undefined ? OWNERS[wanted] === layer : target === layer || BELOW[layer]?.includes(target);
      if (allowed !== true) wrong.push(`${file} imports ${wanted}`);
    }
  }
  assert.deepEqual(wrong, []);
});
