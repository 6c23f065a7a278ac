import { join } from "node:path";
import { Arena } from "../../native-tests/support/arena.js";
import type { FileSystemType } from "../../native-tests/support/image.js";
import { debianTree } from "../debian-tree.js";
import { COPY, COPY_ALONE, deepestFile, OFF_PACE, prepareAndRemove } from "./lifecycle.js";
import { untilSteady } from "./pace.js";
import type { RowResult } from "./report.js";
import { timed, untilQuiet } from "./shell.js";
import { summarize } from "./statistics.js";
import { largeTree } from "./trees.js";
import { controlVerdicts, type Verdict } from "./verdicts.js";

export interface ControlOptions {
  readonly rounds: number;
  readonly types: readonly string[];
  /** Of the large tree. */
  readonly files: number;
  readonly bytes: number;
}

const NAMES = ["snapmount", "cp -a", "cp -a --reflink", "btrfs subvolume snapshot"];
const TYPES: readonly FileSystemType[] = ["ext4", "xfs", "btrfs"];
/** Room for the tree, its copies and what is being deleted. */
const COPIES = 6;
const SPARE_BYTES = 4 * 2 ** 30;

/** A tree that is copied. */
interface Tree {
  readonly name: string;
  readonly bytes: number;
  fill(directory: string): void;
}

/** Milliseconds by row. */
type Measured = Readonly<Record<string, number>>;
type Way = (arena: Arena, base: string, deep: string, round: number) => Measured;

/** Prepares, commits and removes snapshots of two trees on each type of file system, beside other ways to copy. */
export function measureControl(options: ControlOptions): {
  rows: RowResult[];
  names: readonly string[];
  verdicts: Verdict[];
} {
  const unknown = options.types.filter((type) => !TYPES.some((known) => known === type));
  if (unknown.length > 0) {
    throw new Error(`unknown file system ${unknown.join(", ")}: choose from ${TYPES.join(", ")}`);
  }
  const rows = TYPES.filter((type) => options.types.includes(type)).flatMap((type) =>
    trees(options).flatMap((tree) => measureTree(type, tree, options.rounds)),
  );
  return {
    rows,
    names: NAMES.filter((name) => rows.some((r) => name in r.contenders)),
    verdicts: controlVerdicts(rows),
  };
}

function trees({ files, bytes }: ControlOptions): Tree[] {
  const archive = debianTree();
  return [
    {
      name: "Debian tree",
      bytes: 2 ** 29,
      fill: (directory) => void timed(`tar -xpf "$1" -C "$2" --numeric-owner`, archive, directory),
    },
    {
      name: `${files} files, ${(bytes / 2 ** 30).toPrecision(2)} GiB`,
      bytes,
      fill: (directory) => largeTree(directory, files, bytes),
    },
  ];
}

function measureTree(type: FileSystemType, tree: Tree, rounds: number): RowResult[] {
  const arena = new Arena({
    type,
    size: tree.bytes * COPIES + SPARE_BYTES,
    mountOptions: "nosuid,nodev,discard",
  });
  try {
    const base = join(arena.nativeDirectory("base"), "tree");
    timed(type === "btrfs" ? `btrfs -q subvolume create "$1"` : `mkdir "$1"`, base);
    tree.fill(base);
    const entry = arena.entry("base");
    timed(`cp -a "$1/." "$2/"`, base, arena.nativePath(entry.slice(arena.mnt.length + 1)));
    arena.sh(
      `mv '${entry}' committed/base; until test "$(cat info/committed/base/state)" = ready; do sleep 0.1; done`,
    );
    const deep = deepestFile(base);
    const samples = new Map<string, Map<string, number[]>>();
    const ways = Object.entries(waysOn(type));
    for (let round = 0; round < rounds; round++) {
      for (let turn = 0; turn < ways.length; turn++) {
        const [name, way] = ways[(turn + round) % ways.length]!;
        untilQuiet();
        untilSteady();
        const measured = way(arena, base, deep, round);
        console.error(`${type} ${tree.name} round ${round + 1} ${name} ${JSON.stringify(measured)}`);
        collect(samples, name, measured);
      }
    }
    return results(samples, `${type}, ${tree.name}`);
  } finally {
    arena.close();
  }
}

function waysOn(type: FileSystemType): Record<string, Way> {
  const ways: Record<string, Way> = { snapmount: prepareAndRemove };
  // On ext4 as one types it; elsewhere it would be the next one.
  ways["cp -a"] = copyBy(type === "ext4" ? `cp -a "$1" "$2"` : `cp -a --reflink=never "$1" "$2"`);
  if (type !== "ext4") {
    ways["cp -a --reflink"] = copyBy(`cp -a --reflink=always "$1" "$2"`);
  }
  if (type === "btrfs") {
    const snapshot = `btrfs -q subvolume snapshot "$1" "$2"`;
    ways["btrfs subvolume snapshot"] = copyBy(snapshot, `btrfs -q subvolume delete "$1"`);
  }
  return ways;
}

function copyBy(command: string, remove = `rm -r "$1"`): Way {
  return (arena, base) => {
    const copy = join(arena.nativeDirectory("copy"), "tree");
    const elapsed = timed(command, base, copy);
    const removal = timed(remove, copy);
    // Nobody lists anything beside it.
    return { [COPY]: elapsed, [COPY_ALONE]: elapsed, remove: removal };
  };
}

function collect(samples: Map<string, Map<string, number[]>>, contender: string, measured: Measured): void {
  for (const [row, value] of Object.entries(measured)) {
    const byName = samples.get(row) ?? new Map<string, number[]>();
    samples.set(row, byName);
    byName.set(contender, [...(byName.get(contender) ?? []), value]);
  }
}

function results(samples: Map<string, Map<string, number[]>>, prefix: string): RowResult[] {
  return [...samples].map(([row, byName]) => ({
    name: `${prefix}: ${row}`,
    unit: row === OFF_PACE ? "count" : "ms",
    contenders: Object.fromEntries([...byName].map(([name, values]) => [name, summarize(values)] as const)),
  }));
}
