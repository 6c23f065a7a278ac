import { Failure } from "../../daemon/failure.js";
import type { Access } from "../access.js";
import { type AddCommand, collect, STORE_HELP, withStore } from "../command.js";
import { obstaclesOf, obstacleText } from "../obstacles.js";
import { colours, print, printJson, table } from "../output.js";
import { type PruneRules, parseDuration, planPrune, type Verdict } from "../prune-plan.js";
import { refText } from "../ref.js";
import { FILTER_HELP, selection } from "../select.js";
import { nameCell, shortTime } from "../show.js";

interface Flags {
  readonly keepLast?: string;
  readonly keepWithin?: string;
  readonly keepLabel?: string[];
  readonly kind?: string[];
  readonly filter?: string[];
  readonly dryRun?: true;
  readonly json?: true;
}

export const addPrune: AddCommand = (program) => {
  program
    .command("prune")
    .summary("remove old snapshots by rules")
    .description(
      "Removes committed snapshots that no rule keeps. What is held, in use, or has something left that was made from it, is kept in any case.",
    )
    .argument("<STORE>", STORE_HELP)
    .option("--keep-last <n>", "keep the newest n")
    .option("--keep-within <time>", "keep those that are younger: 36h, 7d, 4w, 1y")
    .option("--keep-label <key[=value]>", "keep those that have this label", collect)
    .option("-k, --kind <kind>", "what may be removed: committed (the default), active or views", collect)
    .option("--filter <filter>", "only these may be removed, see below", collect)
    .option("-n, --dry-run", "only say what would be removed")
    .option("--json", "print JSON")
    .addHelpText("after", FILTER_HELP)
    .action(async (store: string, flags: Flags) => {
      const rules = rulesOf(flags);
      const isMeant = selection(flags.kind ?? ["committed"], flags.filter);
      await withStore(store, async (access, signal) => {
        const verdicts: Verdict[] = [];
        const kept = new Set<string>();
        for (const verdict of planPrune(await access.list(), isMeant, rules, Date.now())) {
          signal.throwIfAborted();
          const final = await inUse(access, verdict, kept);
          if (final.kept !== undefined) kept.add(refText(final.snapshot));
          else if (flags.dryRun !== true) await access.remove(final.snapshot);
          verdicts.push(final);
        }
        show(verdicts, flags);
      });
    });
};

function rulesOf(flags: Flags): PruneRules {
  const { keepLast, keepWithin, keepLabel, filter } = flags;
  if (keepLast === undefined && keepWithin === undefined && keepLabel === undefined && filter === undefined) {
    throw new Failure(
      "usage",
      "without a rule all would be removed: say --keep-last, --keep-within, --keep-label or --filter",
    );
  }
  if (keepLast !== undefined && !/^\d{1,9}$/.test(keepLast))
    throw new Failure("usage", `--keep-last takes a number, not ${JSON.stringify(keepLast)}`);
  return {
    ...(keepLast !== undefined && { keepLast: Number(keepLast) }),
    ...(keepWithin !== undefined && { keepWithinMs: parseDuration(keepWithin) }),
    keepLabels: keepLabel ?? [],
  };
}

/** Keeps also what somebody uses now, and what that was made from. */
async function inUse(access: Access, verdict: Verdict, kept: ReadonlySet<string>): Promise<Verdict> {
  if (verdict.kept !== undefined) return verdict;
  const obstacle = (await obstaclesOf(access, verdict.snapshot)).find(
    (candidate) => candidate.type !== "child" || kept.has(refText(candidate.ref)),
  );
  return obstacle === undefined ? verdict : { ...verdict, kept: obstacleText(obstacle) };
}

function show(verdicts: readonly Verdict[], flags: Flags): void {
  if (flags.json === true) {
    const json = verdicts.map(({ snapshot, kept }) => ({
      name: refText(snapshot),
      created: snapshot.created,
      action: kept === undefined ? "remove" : "keep",
      reason: kept ?? null,
    }));
    printJson({ dryRun: flags.dryRun === true, snapshots: json });
    return;
  }
  const done = flags.dryRun === true ? "would remove" : "removed";
  const rows = verdicts.map(({ snapshot, kept }) => [
    kept === undefined ? { text: done, paint: colours.red } : "kept",
    nameCell(snapshot),
    shortTime(snapshot.created),
    kept ?? "",
  ]);
  print(table([{ title: "ACTION" }, { title: "NAME" }, { title: "CREATED" }, { title: "REASON" }], rows));
}
