import { mkdirSync, readdirSync, readFileSync, renameSync, rmdirSync } from "node:fs";
import { join } from "node:path";
import type { Arena } from "../../native-tests/support/arena.js";
import { Lister } from "./lister.js";
import { output, sleep, untilQuiet } from "./shell.js";

/** The one row that is no time. */
export const OFF_PACE = "ls active meanwhile: of 1,000 not at that pace";
/** Milliseconds from mkdir, while another process lists active/. */
export const COPY = "copy complete";
/** The same while nobody does. */
export const COPY_ALONE = "copy complete, nobody listing";
const LIMIT_MS = 600_000;
const POLL_MS = 2;

/** @returns the path below directory of a small file that is as deep as any */
export function deepestFile(directory: string): string {
  const command = `cd "$1"; find . -type f -size -64k -size +0 -printf '%d %P\\n' | sort -k1,1nr -k2 | sed -n '1s/^[0-9]* //p'`;
  return output(command, directory).trimEnd();
}

/** Milliseconds of each step. */
type Steps = Readonly<Record<string, number>>;

/**
 * Prepares children of committed/base and removes them: one that is committed, while another process lists active/; one
 * whose copy nobody disturbs; and one of which a file is read at once.
 *
 * @param deep a path below the snapshot
 */
export function prepareAndRemove(arena: Arena, _base: string, deep: string, round: number): Steps {
  return {
    ...commitWhileListing(arena, `child${round}`),
    ...copyUndisturbed(arena, `copy${round}`),
    ...readAtOnce(arena, `reader${round}`, deep),
  };
}

function commitWhileListing({ mnt, store }: Arena, name: string): Steps {
  const [active, committed] = [join(mnt, "active", name), join(mnt, "committed", name)];
  const lister = new Lister(join(mnt, "active"));
  const begin = performance.now();
  const mkdir = timedCall(() => mkdirSync(`${active}@base`));
  untilCopied(mnt, name);
  const complete = performance.now() - begin;
  const mv = timedCall(() => renameSync(active, committed));
  untilState(join(mnt, "info/committed", name, "state"));
  const rmdir = timedCall(() => rmdirSync(committed));
  const seen = lister.end();
  untilDeleted(store);
  return {
    mkdir,
    mv,
    rmdir,
    [COPY]: complete,
    "ls active meanwhile (slowest)": seen.listing,
    "ls active meanwhile (slowest at the machine's usual pace)": seen.listingAtPace,
    "reading memory meanwhile (slowest)": seen.work,
    [OFF_PACE]: seen.offPace,
  };
}

/** As the other ways are: nothing else goes on, and the disks have nothing left to do. */
function copyUndisturbed({ mnt, store }: Arena, name: string): Steps {
  untilQuiet();
  const complete = timedCall(() => {
    mkdirSync(join(mnt, "active", `${name}@base`));
    untilCopied(mnt, name);
  });
  remove(mnt, store, name);
  return { [COPY_ALONE]: complete };
}

function readAtOnce({ mnt, store }: Arena, name: string, deep: string): Steps {
  const reader = join(mnt, "active", name);
  mkdirSync(`${reader}@base`);
  const cat = timedCall(() => readFileSync(join(reader, deep)));
  untilCopied(mnt, name);
  remove(mnt, store, name);
  return { "first cat of a deep file": cat };
}

/** Reading the path waits for the copy; asking for the state every other millisecond would take a core from it. */
function untilCopied(mnt: string, name: string): void {
  readFileSync(join(mnt, "info/active", name, "path"));
}

function remove(mnt: string, store: string, name: string): void {
  rmdirSync(join(mnt, "info/active", name));
  untilDeleted(store);
}

/** @returns milliseconds that calls took */
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
