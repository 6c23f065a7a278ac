import { execFileSync, spawnSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";

const LIMIT_MS = 900_000;
const SETTLED_MS = 200;
const QUIET_MS = 500;
const QUIET_LIMIT_MS = 60_000;

/**
 * Runs a command line in a shell; its output is dropped, errors go to stderr.
 *
 * @param command "$1" and so on are args
 * @returns milliseconds that it took, the start of the shell included
 * @throws when it fails
 */
export function timed(command: string, ...args: string[]): number {
  const begin = performance.now();
  const result = spawnSync("sh", ["-ec", command, "sh", ...args], {
    stdio: ["ignore", "ignore", "inherit"],
    timeout: LIMIT_MS,
  });
  const elapsed = performance.now() - begin;
  if (result.status !== 0) {
    throw new Error(`failed (${result.signal ?? result.status}): ${command} ${args.join(" ")}`);
  }
  return elapsed;
}

/** Runs a command line in a shell. @returns its standard output. @throws when it fails */
export function output(command: string, ...args: string[]): string {
  return execFileSync("sh", ["-ec", command, "sh", ...args], {
    encoding: "utf8",
    timeout: LIMIT_MS,
    maxBuffer: 64 * 2 ** 20,
    stdio: ["ignore", "pipe", "inherit"],
  });
}

/** Whether a program can be run. */
export function isInstalled(program: string): boolean {
  return spawnSync("sh", ["-c", `command -v ${program}`]).status === 0;
}

/** Writes everything dirty to disk, so that nobody pays for what another wrote. */
export function settle(): void {
  execFileSync("sync");
}

/**
 * Writes everything dirty, and waits until no disk has done anything for a while: what others have deleted is still discarded
 * after sync(2) has returned.
 */
export function untilQuiet(): void {
  settle();
  const end = performance.now() + QUIET_LIMIT_MS;
  let before = "";
  for (let now = disks(); now !== before; now = disks()) {
    if (performance.now() > end) {
      console.error(`the disks are not quiet after ${QUIET_LIMIT_MS / 1000} s`);
      return;
    }
    before = now;
    sleep(QUIET_MS);
  }
}

/** @returns what all disks have done so far */
function disks(): string {
  return readFileSync("/proc/diskstats", "utf8");
}

/**
 * Empties page, dentry and inode caches, those of FUSE mounts included. What is dirty stays, and sync(2) does not wait for FUSE
 * mounts that write back: what they have handed on by then is dirty in the file system below, until it is synced again.
 */
export function dropCaches(): void {
  settle();
  sleep(SETTLED_MS);
  settle();
  writeFileSync("/proc/sys/vm/drop_caches", "3");
}

/** Sleeps without doing anything else. */
export function sleep(milliseconds: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, milliseconds);
}
