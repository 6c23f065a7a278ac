import { type AddCommand, requireSnapshot, STORE_HELP, withStore } from "../command.js";
import { type Exclusive, exclusiveOf } from "../exclusive.js";
import { humanSize, print, printJson, table } from "../output.js";
import { Progress } from "../progress.js";
import { parseRef, refText } from "../ref.js";
import { nameCell } from "../show.js";
import type { Snapshot, Usage } from "../snapshot.js";

interface Row {
  readonly snapshot: Snapshot;
  readonly usage: Usage;
  readonly exclusive: Exclusive;
}

export const addUsage: AddCommand = (program) => {
  program
    .command("usage")
    .summary("show the space that snapshots take, and how much of it is only theirs")
    .description(
      "Shows the space and inodes that snapshots take. EXCLUSIVE is what no other file shares by reflinks, which would be free again when the snapshot is removed; - where the file system cannot tell, or its owner is somebody else.",
    )
    .argument("<STORE>", STORE_HELP)
    .argument("[REF...]", "snapshots; none: all")
    .option("-b, --bytes", "print bytes")
    .option("--json", "print JSON")
    .action(
      async (store: string, names: string[], flags: { readonly bytes?: true; readonly json?: true }) => {
        const refs = names.map((name) => parseRef(name));
        await withStore(store, async (access, signal) => {
          const chosen: Snapshot[] = [];
          for (const ref of refs) chosen.push(await requireSnapshot(access, ref));
          const rows: Row[] = [];
          for (const snapshot of refs.length > 0 ? chosen : await access.list()) {
            const usage = await access.usage(snapshot);
            const progress = new Progress(`counting ${refText(snapshot)}`, "entries");
            try {
              const onProgress = (entries: number): void => progress.update(entries, usage.inodes);
              rows.push({
                snapshot,
                usage,
                exclusive: await exclusiveOf(access, snapshot, signal, onProgress),
              });
            } finally {
              progress.stop();
            }
          }
          if (flags.json === true) printJson(rows.map(toJson));
          else show(rows, flags.bytes === true ? String : humanSize);
        });
      },
    );
};

function toJson({ snapshot, usage, exclusive }: Row): Readonly<Record<string, unknown>> {
  return { name: refText(snapshot), size: usage.size, inodes: usage.inodes, exclusive: exclusive ?? null };
}

function show(rows: readonly Row[], size: (bytes: number) => string): void {
  const columns = [
    { title: "NAME" },
    { title: "SIZE", right: true },
    { title: "EXCLUSIVE", right: true },
    { title: "INODES", right: true },
  ] as const;
  const cells = rows.map(({ snapshot, usage, exclusive }) => [
    nameCell(snapshot),
    size(usage.size),
    exclusive === undefined ? "-" : size(exclusive),
    String(usage.inodes),
  ]);
  print(table(columns, cells));
}
