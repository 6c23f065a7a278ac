import { readFileSync } from "node:fs";
import { Command, CommanderError } from "commander";
import { Failure } from "../daemon/failure.js";
import type { AddCommand } from "./command.js";
import { addCheck } from "./commands/check.js";
import { addCommit } from "./commands/commit.js";
import { addCompletion } from "./commands/completion.js";
import { addDiff } from "./commands/diff.js";
import { addExport } from "./commands/export.js";
import { addHold } from "./commands/hold.js";
import { addImport } from "./commands/import.js";
import { addInfo } from "./commands/info.js";
import { addInstall } from "./commands/install.js";
import { addLabel } from "./commands/label.js";
import { addLs } from "./commands/ls.js";
import { addMount } from "./commands/mount.js";
import { addMounts } from "./commands/mounts.js";
import { addPath } from "./commands/path.js";
import { addPrepare } from "./commands/prepare.js";
import { addPrune } from "./commands/prune.js";
import { addRelease } from "./commands/release.js";
import { addRename } from "./commands/rename.js";
import { addRm } from "./commands/rm.js";
import { addStatus } from "./commands/status.js";
import { addTree } from "./commands/tree.js";
import { addUmount } from "./commands/umount.js";
import { addUsage } from "./commands/usage.js";
import { addView } from "./commands/view.js";
import { addWhy } from "./commands/why.js";
import { EXIT, exitCodeOf } from "./exit-codes.js";
import { failureOf } from "./failures.js";
import { tell } from "./output.js";

/** In the order in which `--help` shows them. */
const COMMANDS: readonly AddCommand[] = [
  addUmount,
  addStatus,
  addLs,
  addTree,
  addInfo,
  addDiff,
  addUsage,
  addPath,
  addMounts,
  addWhy,
  addPrepare,
  addView,
  addCommit,
  addRename,
  addLabel,
  addHold,
  addRelease,
  addRm,
  addPrune,
  addCheck,
  addExport,
  addImport,
  addInstall,
  addCompletion,
];

/**
 * Runs one command line.
 * @param argv arguments without the program's own
 * @returns the exit code; messages have been printed
 */
export async function runCommandLine(argv: readonly string[]): Promise<number> {
  let code: number = EXIT.ok;
  const program = createProgram((outcome) => {
    code = outcome;
  });
  // Whoever reads the output may have enough of it: `snapmount ls | head -1`.
  process.stdout.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code !== "EPIPE") throw error;
  });
  try {
    await program.parseAsync(argv, { from: "user" });
    return code;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.ok : EXIT.usage;
    const failure = failureOf(error);
    if (failure !== undefined) {
      tell(failure.message);
      return exitCodeOf(failure.kind);
    }
    tell(`internal error: ${error instanceof Error ? error.stack : String(error)}`);
    return EXIT.internal;
  }
}

/**
 * All that the command line understands; help, completion and the manual page are made from it.
 * @param finish takes the exit code
 */
export function createProgram(finish: (code: number) => void): Command {
  const program = new Command("snapmount")
    .description(
      "A snapshot store used with mkdir, mv and rmdir: mounts STORE at MOUNTPOINT (see README there).",
    )
    .usage(
      "STORE MOUNTPOINT [options]\n       snapmount umount MOUNTPOINT\n       snapmount COMMAND STORE [REF …] [options]",
    )
    .version(version(), "-V, --version", "print the version")
    .helpOption("-h, --help", "print this help")
    .helpCommand(false)
    // `-n` after `rm` is rm's own, not the one that mount(8) may hand to the program.
    .enablePositionalOptions()
    .hook("preSubcommand", refuseMountOptions)
    .exitOverride()
    .configureOutput({
      outputError: (text, write) => write(`${text.replace(/^error:/, "snapmount:")}`),
    })
    .showHelpAfterError("(snapmount --help explains it)");
  addMount(program, finish);
  for (const add of COMMANDS) add(program, finish);
  return program;
}

/** `snapmount -n rm …` must not pass for `snapmount rm -n …`. */
function refuseMountOptions(program: Command, command: Command): void {
  const given = program.options.find(
    (option) => program.getOptionValueSource(option.attributeName()) === "cli",
  );
  if (given !== undefined)
    throw new Failure("usage", `${given.flags} stands before ${command.name()}: options follow the command`);
}

/** @returns the version of the package */
export function version(): string {
  const text = readFileSync(new URL("../../../package.json", import.meta.url), "utf8");
  return (JSON.parse(text) as { version: string }).version;
}
