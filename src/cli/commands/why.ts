import { type AddCommand, requireSnapshot, withStore } from "../command.js";
import { EXIT } from "../exit-codes.js";
import { type Obstacle, obstaclesOf, obstacleText } from "../obstacles.js";
import { oneLine, printJson, printLine } from "../output.js";
import { parseRef, type Ref, refText } from "../ref.js";
import { snapshotAt } from "../snapshot-at.js";

interface Flags {
  readonly json?: true;
  readonly exitCode?: true;
}

export const addWhy: AddCommand = (program, finish) => {
  program
    .command("why")
    .summary("say who or what keeps a snapshot busy")
    .description(
      "Says who or what keeps a snapshot from being removed or committed: processes that have files of it open or mapped or work in it, mounts, snapshots that were made from it, a hold.",
    )
    .argument("<PATH>", "path of a snapshot on its mount, or the store")
    .argument("[REF]", "the snapshot, when PATH is the store")
    .option("--exit-code", "exit with 7 when it is busy")
    .option("--json", "print JSON")
    .action(async (path: string, name: string | undefined, flags: Flags) => {
      const { store, ref } = name === undefined ? snapshotAt(path) : { store: path, ref: parseRef(name) };
      await withStore(store, async (access) => {
        await requireSnapshot(access, ref);
        const obstacles = await obstaclesOf(access, ref);
        if (flags.json === true) printJson({ name: refText(ref), busyBy: obstacles.map(toJson) });
        else show(ref, obstacles);
        if (flags.exitCode === true && obstacles.length > 0) finish(EXIT.found);
      });
    });
};

function show(ref: Ref, obstacles: readonly Obstacle[]): void {
  if (obstacles.length === 0) {
    printLine(`${oneLine(refText(ref))}: nothing that can be seen from here keeps it busy`);
    return;
  }
  for (const obstacle of obstacles) printLine(oneLine(`${refText(ref)}: ${obstacleText(obstacle)}`));
}

function toJson(obstacle: Obstacle): Readonly<Record<string, unknown>> {
  if (obstacle.type === "child") return { type: "child", name: refText(obstacle.ref) };
  if (obstacle.type === "hold") return { type: "hold", reason: obstacle.reason };
  const { pid, command, what } = obstacle.holder;
  if (pid === undefined) return { type: "mount", fileSystem: command, what };
  return { type: "process", pid, command, what };
}
