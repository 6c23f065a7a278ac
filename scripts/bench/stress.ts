import { spawn } from "node:child_process";
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { Arena } from "../../native-tests/support/arena.js";
import { SNAPMOUNT } from "./contenders.js";
import { dropCaches, output, sleep } from "./shell.js";

const OPERATIONS_A_RUN = 20_000;
const PATIENCE_MS = 20_000;

/** What a daemon holds for the kernel, as its log says (snapmount:held). */
export type Held = Readonly<Record<string, number>>;

export interface StressResult {
  readonly seconds: number;
  readonly operations: number;
  /** The first difference, or undefined. */
  readonly difference: string | undefined;
  /** What is still held when everything was closed and removed and the kernel has dropped its caches. */
  readonly left: Held;
}

/** Runs random operations natively and on the mount with the same seeds, for so long, until the first difference. */
export function stress(seconds: number, options: readonly string[]): StressResult {
  const arena = new Arena();
  const directory = mkdtempSync(join(tmpdir(), "snapmount-stress-"));
  const log = join(directory, "log");
  const begin = performance.now();
  const elapsed = () => (performance.now() - begin) / 1000;
  let operations = 0;
  let difference: string | undefined;
  try {
    arena.unmount();
    serve(arena, options, log);
    for (let seed = 1; difference === undefined && elapsed() < seconds; seed++) {
      try {
        arena.compare("random_ops", [String(seed), String(OPERATIONS_A_RUN)]);
        operations += OPERATIONS_A_RUN;
      } catch (error) {
        difference = `seed ${seed}: ${String(error)}`;
      }
    }
    return { seconds: elapsed(), operations, difference, left: leftOver(arena, log) };
  } finally {
    arena.close();
    rmSync(directory, { recursive: true });
  }
}

/** Mounts the arena's store by a daemon that says in a log what it holds. */
function serve(arena: Arena, options: readonly string[], log: string): void {
  const file = openSync(log, "w");
  const given = options.length > 0 ? ["-o", options.join(",")] : [];
  spawn(process.execPath, [SNAPMOUNT, arena.store, arena.mnt, "-f", ...given], {
    stdio: ["ignore", file, file],
    env: { ...process.env, DEBUG: "snapmount:held" },
  }).unref();
  closeSync(file);
  const mounted = () => statSync(arena.mnt).dev !== statSync(dirname(arena.mnt)).dev;
  if (!eventually(mounted)) {
    throw new Error(`not mounted: ${readFileSync(log, "utf8")}`);
  }
}

function held(log: string): Held {
  const last = [...readFileSync(log, "utf8").matchAll(/snapmount:held (.*)$/gm)].at(-1)?.[1] ?? "";
  return Object.fromEntries([...last.matchAll(/(\w+)=(\d+)/g)].map(([, name, n]) => [name!, Number(n)]));
}

/** Makes the kernel forget what it knows, and waits for nothing to be held any more. */
function leftOver(arena: Arena, log: string): Held {
  dropCaches();
  eventually(() => {
    // The daemon says what it holds after it has answered somebody.
    output(`ls "$1" "$1"/*`, arena.mnt);
    const now = Object.values(held(log));
    return now.length > 0 && now.every((count) => count === 0);
  });
  return held(log);
}

/** @returns whether something came true before long */
function eventually(condition: () => boolean): boolean {
  for (const end = performance.now() + PATIENCE_MS; performance.now() < end; sleep(250)) {
    if (condition()) {
      return true;
    }
  }
  return false;
}
