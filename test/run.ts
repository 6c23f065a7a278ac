import { spawnSync } from "node:child_process";
import { readdirSync } from "node:fs";
import { fileURLToPath } from "node:url";

// Node 20 does not expand globs after --test, so the files are found here.
const here = fileURLToPath(new URL(".", import.meta.url));
const files = readdirSync(here, { recursive: true, encoding: "utf8" }).filter((file) =>
  file.endsWith(".test.js"),
);
const run = spawnSync(
  process.execPath,
  ["--test", "--test-reporter=spec", ...files.map((file) => here + file)],
  {
    stdio: "inherit",
  },
);
process.exitCode = run.status ?? 1;
