import { mkdirSync, readdirSync, readFileSync, renameSync, rmdirSync } from "node:fs";
import { join } from "node:path";
import type { Arena } from "../../native-tests/support/arena.js";
import { Lister } from "./lister.js";
import { output, sleep } from "./shell.js";

/** The one row that is no time. */
export const OFF_PACE = "ls active meanwhile: of 1,000 not at that pace";
const LIMIT_MS = 600_000;
const POLL_MS = 2;

/** @returns the path below directory of a small file that is as deep as any */
export function deepestFile(directory: string): string {
  const command = `cd "$1"; find . -type f -size -64k -size +0 -printf '%d %P\\n' | sort -k1,1nr -k2 | sed -n '1s/^[0-9]* //p'`;
  return output(command, directory).trimEnd();
}

/**
 * Prepares a child of committed/base, waits for its copy, commits and removes it, and reads a file deep in
 * another child that was just prepared.
 *
 * @param deep a path below the snapshot
 * @returns milliseconds of each step
 */
export function prepareAndRemove(
  arena: Arena,
  _base: string,
  deep: string,
  round: number,
): Readonly<Record<string, number>> {
  const { mnt, store } = arena;
  const name = `child${round}`;
  const [active, committed] = [join(mnt, "active", name), join(mnt, "committed", name)];
  const lister = new Lister(join(mnt, "active"));
  const begin = performance.now();
  const mkdir = timedCall(() => mkdirSync(`${active}@base`));
  // Reading the path waits for the copy; asking for the state every other millisecond would take a core from it.
  readFileSync(join(mnt, "info/active", name, "path"));
  const complete = performance.now() - begin;
  const mv = timedCall(() => renameSync(active, committed));
  untilState(join(mnt, "info/committed", name, "state"));
  const rmdir = timedCall(() => rmdirSync(committed));
  const seen = lister.end();
  untilDeleted(store);

  const reader = join(mnt, "active", `reader${round}`);
  mkdirSync(`${reader}@base`);
  const cat = timedCall(() => readFileSync(join(reader, deep)));
  untilState(join(mnt, "info/active", `reader${round}`, "state"));
  rmdirSync(join(mnt, "info/active", `reader${round}`));
  untilDeleted(store);
  return {
    mkdir,
    mv,
    rmdir,
    "ls active meanwhile (slowest)": seen.listing,
    "ls active meanwhile (slowest at the machine's usual pace)": seen.listingAtPace,
    "reading memory meanwhile (slowest)": seen.work,
    [OFF_PACE]: seen.offPace,
    "copy complete": complete,
    "first cat of a deep file": cat,
  };
}

/** @returns milliseconds that a system call took */
function timedCall(call: () => void): number {
  const begin = performance.now();
  call();
  return performance.now() - begin;
}

/** Waits until a snapshot's state file says `ready`. */
function untilState(file: string): void {
  until(
    () => readFileSync(file, "utf8") === "ready\n",
    () => `${file} says ${readFileSync(file, "utf8")}`,
  );
}

/** Waits until nothing of removed snapshots is left. */
function untilDeleted(store: string): void {
  const left = () => readdirSync(join(store, "snapshots")).filter((name) => name.startsWith("rm-"));
  until(
    () => left().length === 0,
    () => `still being deleted: ${left().join(", ")}`,
  );
}

function until(condition: () => boolean, problem: () => string): void {
  const end = performance.now() + LIMIT_MS;
  while (!condition()) {
    if (performance.now() > end) {
      throw new Error(`not reached within ${LIMIT_MS / 1000} s: ${problem()}`);
    }
    sleep(POLL_MS);
  }
}
