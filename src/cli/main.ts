#!/usr/bin/env node
import { runCommandLine } from "./program.js";

// Not process.exit: what was written may still have to go through a pipe. Nothing is left that keeps the process alive.
process.exitCode = await runCommandLine(process.argv.slice(2));
