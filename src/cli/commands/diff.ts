import { changeLine, escapePath } from "../../store/change-line.js";
import type { ChangeType } from "../../store/changes.js";
import type { Access } from "../access.js";
import { type AddCommand, requireSnapshot, STORE_HELP, withStore } from "../command.js";
import { EXIT } from "../exit-codes.js";
import { colours, print, printLine } from "../output.js";
import { Progress } from "../progress.js";
import { parseRef, type Ref, refText } from "../ref.js";

interface Flags {
  readonly json?: true;
  readonly stat?: true;
  readonly exitCode?: true;
}

const PAINT: Readonly<Record<ChangeType, (text: string) => string>> = {
  A: colours.green,
  M: colours.yellow,
  D: colours.red,
};

export const addDiff: AddCommand = (program, finish) => {
  program
    .command("diff")
    .summary("list what differs from the parent, or from another snapshot")
    .description(
      "Lists what differs in REF from its parent, or from OTHER: A added, M modified, D deleted, and the path. A directory that was added is listed with all that is in it, one that was deleted in one line.",
    )
    .argument("<STORE>", STORE_HELP)
    .argument("<REF>", "snapshot, such as active/web")
    .argument("[OTHER]", "what it is compared with; its parent when left out, nothing without one")
    .option("--stat", "print only how many there are")
    .option("--exit-code", "exit with 7 when there are differences")
    .option("--json", "print JSON, a change a line")
    .action(async (store: string, name: string, other: string | undefined, flags: Flags) => {
      const ref = parseRef(name);
      const against = other === undefined ? undefined : parseRef(other);
      await withStore(store, async (access, signal) => {
        const counts = await compare(access, ref, against, flags, signal);
        const total = counts.A + counts.M + counts.D;
        if (flags.stat === true) {
          if (flags.json === true)
            printLine(JSON.stringify({ added: counts.A, modified: counts.M, deleted: counts.D }));
          else printLine(`${counts.A} added, ${counts.M} modified, ${counts.D} deleted`);
        }
        if (flags.exitCode === true && total > 0) finish(EXIT.found);
      });
    });
};

async function compare(
  access: Access,
  ref: Ref,
  against: Ref | undefined,
  flags: Flags,
  signal: AbortSignal,
): Promise<Record<ChangeType, number>> {
  const { parent } = await requireSnapshot(access, ref);
  if (against !== undefined) await requireSnapshot(access, against);
  const base = against ?? parent;
  const after = await access.directory(ref);
  const before = base === undefined ? undefined : await access.directory(base);
  const { streamChanges } = await import("../../store/changes.js");
  const counts: Record<ChangeType, number> = { A: 0, M: 0, D: 0 };
  // Lines come one by one on a terminal: they show that it goes on.
  const progress = flags.stat === true ? new Progress(`comparing ${refText(ref)}`, "entries") : undefined;
  try {
    for await (const changes of streamChanges(before, after)) {
      signal.throwIfAborted();
      for (const { type } of changes) counts[type]++;
      progress?.update(counts.A + counts.M + counts.D, undefined);
      if (flags.stat === true) continue;
      const line = flags.json === true ? jsonLine : plainLine;
      print(changes.map(line).join(""));
    }
  } finally {
    progress?.stop();
  }
  return counts;
}

type Change = Parameters<typeof changeLine>[0];

function plainLine(change: Change): string {
  return `${PAINT[change.type](changeLine(change))}\n`;
}

/** Paths are written as in the plain lines: control characters and what is no UTF-8 as backslash and three digits. */
function jsonLine(change: Change): string {
  const path = change.path === "" ? "." : escapePath(change.path);
  return `${JSON.stringify({ type: change.type, path, mode: change.mode })}\n`;
}
