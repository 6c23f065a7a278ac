import { resolve } from "node:path";
import { printable } from "../../base/bytes.js";
import { Failure } from "../../daemon/failure.js";
import { MOUNT_TYPE, mountAt } from "../../daemon/mounts.js";
import type { Inspection } from "../../store/inspection.js";
import type { AddCommand } from "../command.js";
import { EXIT } from "../exit-codes.js";
import { interruptible } from "../interrupt.js";
import { printJson, printLine } from "../output.js";

interface Flags {
  readonly repair?: true;
  readonly usage?: true;
  readonly json?: true;
}

export const addCheck: AddCommand = (program, finish) => {
  program
    .command("check")
    .summary("verify that a store's records and directories belong together")
    .description(
      `Compares the records of a store with one another and with its directories, and prints a line for each contradiction;
what an interrupted operation has left for the next mount to finish is none. Changes nothing, unless --repair is given. The
store must not be mounted. Exit code 0: in order, or all mended; 7: something was found.`,
    )
    .argument("<STORE>", "directory of the store")
    .option(
      "--repair",
      "mend what can be mended without losing data: what belongs to no snapshot becomes active/recovered-ID",
    )
    .option("--usage", "count the files of every committed snapshot too, which reads all of them")
    .option("--json", "print JSON")
    .action(async (store: string, flags: Flags) => {
      const directory = unmounted(resolve(store));
      const inspection = await interruptible((signal) => inspect(directory, flags, signal));
      if (flags.json === true) printJson(inspection);
      else show(inspection);
      if (inspection.findings.some(({ mended }) => mended === undefined)) finish(EXIT.found);
    });
};

async function inspect(directory: string, flags: Flags, signal: AbortSignal): Promise<Inspection> {
  const { createCopyEngine } = await import("../../store/copy/engine.js");
  const { inspectStore } = await import("../../store/inspection.js");
  const engine = flags.usage === true ? createCopyEngine() : undefined;
  try {
    return await inspectStore(directory, {
      repair: flags.repair === true,
      signal,
      ...(engine !== undefined && { engine }),
    });
  } finally {
    await engine?.close();
  }
}

/** @throws Failure when a mountpoint is named: nothing can be compared while it changes */
function unmounted(path: string): string {
  const mount = mountAt(path);
  if (mount?.type !== MOUNT_TYPE) return path;
  const source = printable(mount.source);
  throw new Failure("busy", `${path} is a mount of ${source}: snapmount umount ${path}, and check ${source}`);
}

function show({ snapshots, findings }: Inspection): void {
  for (const { text, mended } of findings) printLine(mended === undefined ? text : `${text}: ${mended}`);
  const found = findings.length === 0 ? "in order" : `${findings.length} found`;
  const left = findings.filter(({ mended }) => mended === undefined).length;
  const rest = findings.length > 0 && left < findings.length ? `, ${findings.length - left} mended` : "";
  printLine(`${snapshots} snapshots: ${found}${rest}`);
}
