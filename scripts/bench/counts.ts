import { join } from "node:path";
import { Arena } from "../../native-tests/support/arena.js";
import { debianTree } from "../debian-tree.js";
import { canCount, countRequests, type Requests } from "./requests.js";
import { dropCaches, output, timed } from "./shell.js";
import { summarize } from "./statistics.js";

const WRITES = 100;
const PASSES = 5;

/** What the daemon was asked, and how a warm find in committed/ compares. */
export interface Counts {
  /** Requests for WRITES small writes to an open file, beyond those to open and close it; undefined: not countable here. */
  readonly writes: Requests | undefined;
  readonly firstFind: Requests | undefined;
  readonly secondFind: Requests | undefined;
  /** The second asks once for the access time of what the first listed or read as a link; the third shows what stays. */
  readonly thirdFind: Requests | undefined;
  readonly entries: number;
  /** Median milliseconds of a warm `find -ls`. */
  readonly findCommitted: number;
  readonly findNative: number;
}

/** Counts requests on a mount of its own, with the whole Debian tree in committed/. */
export function measureCounts(io: string): Counts {
  const arena = new Arena({ size: 6 * 2 ** 30 });
  try {
    const count = canCount() ? (action: () => void) => countRequests(arena.mnt, action) : undefined;
    const native = arena.nativeDirectory("tree");
    const entry = arena.entry("tree");
    const below = arena.nativePath(entry.slice(arena.mnt.length + 1));
    for (const directory of [native, below]) {
      timed(`tar -xpf "$1" -C "$2" --numeric-owner`, debianTree(), directory);
    }
    const write = (writes: number) => output(`/usr/bin/python3 "$@"`, io, "writes", entry, String(writes));
    write(1);
    const none = count?.(() => void write(0));
    const many = count?.(() => void write(WRITES));
    arena.sh(`mv '${entry}' committed/tree`);
    const tree = join(arena.mnt, "committed/tree");
    const find = (path: string) => timed(`find "$1" -ls`, path);
    dropCaches();
    const firstFind = count?.(() => void find(tree));
    const secondFind = count?.(() => void find(tree));
    const thirdFind = count?.(() => void find(tree));
    find(native);
    const passes = Array.from({ length: PASSES }, () => [find(native), find(tree)] as const);
    return {
      writes: none && many && subtract(many, none),
      firstFind,
      secondFind,
      thirdFind,
      entries: Number(output(`find "$1" | wc -l`, native)),
      findNative: summarize(passes.map(([n]) => n)).median,
      findCommitted: summarize(passes.map(([, c]) => c)).median,
    };
  } finally {
    arena.close();
  }
}

function subtract(many: Requests, none: Requests): Requests {
  const byOpcode = Object.fromEntries(
    Object.entries(many.byOpcode).map(([opcode, n]) => [opcode, n - (none.byOpcode[opcode] ?? 0)] as const),
  );
  return { total: many.total - none.total, byOpcode };
}
