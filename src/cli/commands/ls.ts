import { Option } from "commander";
import { type AddCommand, collect, STORE_HELP, withStore } from "../command.js";
import { humanSize, oneLine, print, printJson, printLine, table } from "../output.js";
import { refText } from "../ref.js";
import { FILTER_HELP, selection } from "../select.js";
import { compareText, labelsText, nameCell, shortTime, snapshotJson } from "../show.js";
import type { Snapshot, Usage } from "../snapshot.js";

const SORTS = ["name", "created", "updated", "size", "parent"] as const;

interface Flags {
  readonly kind?: string[];
  readonly filter?: string[];
  readonly sort: (typeof SORTS)[number];
  readonly reverse?: true;
  readonly quiet?: true;
  readonly json?: true;
}

interface Row {
  readonly snapshot: Snapshot;
  readonly usage: Usage;
}

const NOT_COUNTED: Usage = { size: 0, inodes: 0 };

export const addLs: AddCommand = (program) => {
  program
    .command("ls")
    .summary("list snapshots")
    .description("Lists snapshots with their parent, age, size and labels.")
    .argument("<STORE>", STORE_HELP)
    .option("-k, --kind <kind>", "only of this kind: active, committed or views", collect)
    .option("--filter <filter>", "only those that match, see below", collect)
    .addOption(new Option("-s, --sort <key>", "what to sort by").choices(SORTS).default(SORTS[0]))
    .option("-r, --reverse", "the other way round")
    .option("-q, --quiet", "names only")
    .option("--json", "print JSON")
    .addHelpText("after", FILTER_HELP)
    .action(async (store: string, flags: Flags) => {
      const isMeant = selection(flags.kind, flags.filter);
      await withStore(store, async (access, signal) => {
        const isCounted = flags.quiet !== true || flags.sort === "size";
        const rows: Row[] = [];
        for (const snapshot of await access.list()) {
          if (!isMeant(snapshot)) continue;
          signal.throwIfAborted();
          rows.push({ snapshot, usage: isCounted ? await access.usage(snapshot) : NOT_COUNTED });
        }
        show(sorted(rows, flags), flags);
      });
    });
};

function sorted(rows: Row[], flags: Flags): Row[] {
  const { sort } = flags;
  const key = ({ snapshot, usage }: Row): string | number => {
    if (sort === "size") return usage.size;
    if (sort === "parent") return snapshot.parent?.name ?? "";
    return sort === "name" ? "" : snapshot[sort];
  };
  const compare = (a: Row, b: Row): number => {
    const [one, other] = [key(a), key(b)];
    if (one !== other) return one < other ? -1 : 1;
    return compareText(refText(a.snapshot), refText(b.snapshot));
  };
  rows.sort(compare);
  return flags.reverse === true ? rows.reverse() : rows;
}

function show(rows: readonly Row[], flags: Flags): void {
  if (flags.quiet === true) {
    if (flags.json === true) printJson(rows.map(({ snapshot }) => refText(snapshot)));
    else for (const { snapshot } of rows) printLine(oneLine(refText(snapshot)));
    return;
  }
  if (flags.json === true) {
    printJson(rows.map(({ snapshot, usage }) => snapshotJson(snapshot, usage)));
    return;
  }
  const columns = [
    { title: "NAME" },
    { title: "PARENT" },
    { title: "CREATED" },
    { title: "SIZE", right: true },
    { title: "STATE" },
    { title: "LABELS" },
  ] as const;
  const cells = rows.map(({ snapshot, usage }) => [
    nameCell(snapshot),
    snapshot.parent?.name ?? "-",
    shortTime(snapshot.created),
    humanSize(usage.size),
    snapshot.hold === undefined ? snapshot.state : `${snapshot.state}, held`,
    labelsText(snapshot.labels),
  ]);
  print(table(columns, cells));
}
