import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { manualPage } from "../src/cli/manual.js";
import { createProgram, version } from "../src/cli/program.js";

// Makes the manual page from the definitions of the commands, so that it says what `--help` says.

const target = join(dirname(fileURLToPath(import.meta.url)), "../man/snapmount.1");
mkdirSync(dirname(target), { recursive: true });
writeFileSync(
  target,
  manualPage(
    createProgram(() => undefined),
    version(),
  ),
);
