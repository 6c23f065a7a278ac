import { Failure } from "../../daemon/failure.js";
import type { Access } from "../access.js";
import { type AddCommand, requireSnapshot, STORE_HELP, withStore } from "../command.js";
import { explained, type Obstacle, obstaclesOf, obstacleText } from "../obstacles.js";
import { oneLine, printLine } from "../output.js";
import { parseRef, type Ref, refText } from "../ref.js";

interface Flags {
  readonly dryRun?: true;
  readonly recursive?: true;
}

export const addRm: AddCommand = (program) => {
  program
    .command("rm")
    .summary("remove snapshots, whatever they hold")
    .description(
      "Removes snapshots, whatever they hold. When something stands in the way of one of them, that is named and all of them stay.",
    )
    .argument("<STORE>", STORE_HELP)
    .argument("<REF...>", "snapshots, such as active/web committed/base")
    .option("-n, --dry-run", "only say what would be removed")
    .option("-r, --recursive", "and all that was made from them")
    .action(async (store: string, names: string[], flags: Flags) => {
      const refs = names.map((name) => parseRef(name));
      await withStore(store, async (access, signal) => {
        for (const ref of refs) await requireSnapshot(access, ref);
        const order = await childrenFirst(access, refs, flags.recursive === true);
        await refuseObstructed(access, order);
        for (const ref of order) {
          signal.throwIfAborted();
          if (flags.dryRun === true) printLine(oneLine(refText(ref)));
          else await explained(access, ref, access.remove(ref));
        }
      });
    });
};

/** @returns each once, behind those that were made from it */
async function childrenFirst(access: Access, refs: readonly Ref[], all: boolean): Promise<Ref[]> {
  const order: Ref[] = [];
  const asked = new Set(refs.map(refText));
  const seen = new Set<string>();
  const visit = async (ref: Ref): Promise<void> => {
    if (seen.has(refText(ref))) return;
    seen.add(refText(ref));
    for (const child of await access.children(ref)) if (all || asked.has(refText(child))) await visit(child);
    order.push(ref);
  };
  for (const ref of refs) await visit(ref);
  return order;
}

async function refuseObstructed(access: Access, refs: readonly Ref[]): Promise<void> {
  const removed = new Set(refs.map(refText));
  const isLeft = (obstacle: Obstacle): boolean =>
    obstacle.type !== "child" || !removed.has(refText(obstacle.ref));
  const lines: string[] = [];
  for (const ref of refs) {
    for (const obstacle of (await obstaclesOf(access, ref)).filter(isLeft))
      lines.push(`  ${refText(ref)}: ${obstacleText(obstacle)}`);
  }
  if (lines.length > 0) throw new Failure("busy", `nothing is removed:\n${lines.join("\n")}`);
}
