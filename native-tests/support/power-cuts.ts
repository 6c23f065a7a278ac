import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import type { FileSystemType } from "./image.js";
import { CuttableDisk } from "./power-cut.js";
import { type Verdict, Workload } from "./power-cut-work.js";

const SNAPMOUNT = fileURLToPath(new URL("../../src/cli/main.js", import.meta.url));
/** A disk of real size takes its time to be flushed, so that more often something is taken back. */
const SLOW_DISK = "syncfs=delay:150";
/** The longest time between two cuts, in milliseconds. */
const MOST_WAIT_MS = 1500;

/**
 * Runs a workload on a mounted store, cuts the power of its disk at random moments, and checks each time what is left.
 * @param seed of the random numbers
 * @returns what each cut has left
 * @throws AssertionError that says which promise is broken
 */
export async function powerCuts(type: FileSystemType, cuts: number, seed: number): Promise<Verdict[]> {
  const disk = new CuttableDisk(type);
  try {
    return await withMount(disk, SLOW_DISK, (mount) =>
      workAndCut(disk, new Workload(mount, randomNumbers(seed)), cuts, randomNumbers(seed + 1)),
    );
  } finally {
    disk.close();
  }
}

/** Mounts a new store, `store` on the disk, for as long as work takes. @param fault what SNAPMOUNT_FAULT says */
export async function withMount<T>(
  disk: CuttableDisk,
  fault: string,
  work: (mount: string) => Promise<T>,
): Promise<T> {
  const store = join(disk.path, "store");
  mkdirSync(store);
  const mount = mkdtempSync(join(tmpdir(), "snapmount-cut-mnt-"));
  try {
    const env = { ...process.env, SNAPMOUNT_FAULT: fault };
    execFileSync(process.execPath, [SNAPMOUNT, store, mount], { stdio: "inherit", env });
    try {
      return await work(mount);
    } finally {
      execFileSync(process.execPath, [SNAPMOUNT, "umount", mount], { stdio: "inherit" });
    }
  } finally {
    rmSync(mount, { recursive: true });
  }
}

async function workAndCut(
  disk: CuttableDisk,
  workload: Workload,
  cuts: number,
  random: () => number,
): Promise<Verdict[]> {
  const verdicts: Verdict[] = [];
  const working = workload.run();
  try {
    for (let i = 0; i < cuts; i++) {
      await Promise.race([sleep(random() * MOST_WAIT_MS), working]);
      const before = workload.now();
      const remains = await disk.cut();
      const after = workload.now();
      verdicts.push(await workload.verify(remains, "store", before, after));
    }
  } finally {
    workload.stop();
    await working;
  }
  return verdicts;
}

/** Numbers from 0 to 1 that are the same for the same seed (mulberry32). */
export function randomNumbers(seed: number): () => number {
  let state = seed | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}
