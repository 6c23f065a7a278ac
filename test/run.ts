import { spawnSync } from "node:child_process";
import { existsSync, readdirSync } from "node:fs";
import { fileURLToPath } from "node:url";

// Node 20 does not expand globs after --test, so the files are found here.
const dist = fileURLToPath(new URL("..", import.meta.url));

function filesOf(folder: string): string[] {
  return readdirSync(dist + folder, { recursive: true, encoding: "utf8" })
    .filter((file) => file.endsWith(".test.js"))
    .map((file) => `${folder}/${file}`)
    .sort();
}

const files = filesOf("test");
if (process.geteuid?.() !== 0) console.log("skipped: native-tests, which mount file systems, need root");
else if (!existsSync("/dev/fuse")) console.log("skipped: native-tests need /dev/fuse");
else files.push(...filesOf("native-tests"));

const options = ["--test", "--test-reporter=spec", "--test-concurrency=1"];
const run = spawnSync(process.execPath, [...options, ...files.map((file) => dist + file)], {
  stdio: "inherit",
});
process.exitCode = run.status ?? 1;
