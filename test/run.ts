import { spawnSync } from "node:child_process";
import { existsSync, readdirSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { debianTree } from "../scripts/debian-tree.js";

// Node 20 does not expand globs after --test, so the files are found here.
const dist = fileURLToPath(new URL("..", import.meta.url));

function filesOf(folder: string): string[] {
  return readdirSync(dist + folder, { recursive: true, encoding: "utf8" })
    .filter((file) => file.endsWith(".test.js"))
    .map((file) => `${folder}/${file}`)
    .sort();
}

/**
 * The longest native tests. They compare states and measure no time, and wait for disks more than they compute: two at a
 * time take little more than half as long. The others have deadlines, and run one by one.
 */
const SIDE_BY_SIDE =
  /\/(cli-archive|crash|crash-daemon|crash-steps|exact-filesystems|exact-inodes|exact-programs|real-trees)\.test\.js$/;

function run(files: readonly string[], concurrency: number): boolean {
  const options = ["--test", "--test-reporter=spec", `--test-concurrency=${concurrency}`];
  const paths = files.map((file) => dist + file);
  return spawnSync(process.execPath, [...options, ...paths], { stdio: "inherit" }).status === 0;
}

const files = filesOf("test");
const sideBySide: string[] = [];
if (process.geteuid?.() !== 0) console.log("skipped: native-tests, which mount file systems, need root");
else if (!existsSync("/dev/fuse")) console.log("skipped: native-tests need /dev/fuse");
else {
  // Two of the tests want it, and would make it twice.
  debianTree();
  for (const file of filesOf("native-tests")) (SIDE_BY_SIDE.test(file) ? sideBySide : files).push(file);
}

const results = [sideBySide.length === 0 || run(sideBySide, 2), run(files, 1)];
process.exitCode = results.every(Boolean) ? 0 : 1;
