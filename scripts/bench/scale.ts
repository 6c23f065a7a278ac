import { execFileSync } from "node:child_process";
import { mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { Arena } from "../../native-tests/support/arena.js";
import { makeManySnapshots, nameOf } from "../../native-tests/support/many.js";
import type { RowResult } from "./report.js";
import { summarize } from "./statistics.js";
import type { Verdict } from "./verdicts.js";

const PROBE = fileURLToPath(new URL("../../../scripts/bench/scale.py", import.meta.url));
const DISK_BYTES = 8 * 2 ** 30;
const MOUNT_LIMIT_MS = 1000;
/** "Unaffected": at most so many times as long as in a store of `FEW` snapshots. */
const UNAFFECTED = 2;
const FEW = 1000;

interface Measured {
  readonly mount: readonly number[];
  readonly mountAfterKill: readonly number[];
  /** Milliseconds by operation. */
  readonly operations: Readonly<Record<string, readonly number[]>>;
  /** KiB. */
  readonly memoryBefore: number;
  readonly memoryAfter: number;
}

/** Compares a store of many snapshots with one of few. */
export async function measureScale(
  count: number,
  rounds: number,
): Promise<{ rows: RowResult[]; names: string[]; verdicts: Verdict[] }> {
  const [few, many] = [await measureStore(FEW, rounds), await measureStore(count, rounds)];
  const names = [`${FEW} snapshots`, `${count} snapshots`];
  const row = (name: string, a: readonly number[], b: readonly number[]): RowResult => ({
    name,
    unit: "ms",
    contenders: { [names[0]!]: summarize([...a]), [names[1]!]: summarize([...b]) },
  });
  const rows = [
    row("mount", few.mount, many.mount),
    row("mount after kill -9", few.mountAfterKill, many.mountAfterKill),
    ...Object.keys(many.operations).map((name) =>
      row(name, few.operations[name] ?? [], many.operations[name] ?? []),
    ),
  ];
  return { rows, names, verdicts: [...verdicts(rows, names), memoryVerdict(many)] };
}

function verdicts(rows: readonly RowResult[], names: readonly string[]): Verdict[] {
  return rows.flatMap((row): Verdict[] => {
    const [few, many] = names.map((name) => row.contenders[name]?.median ?? Number.NaN) as [number, number];
    if (row.name.startsWith("mount")) {
      const claim = `${row.name} of a large store takes less than ${MOUNT_LIMIT_MS} ms`;
      return [{ claim, measured: `${many.toFixed(0)} ms`, holds: many < MOUNT_LIMIT_MS }];
    }
    if (row.name.startsWith("ls")) return [];
    const measured = `${few.toFixed(2)} → ${many.toFixed(2)} ms`;
    return [{ claim: `${row.name} is unaffected`, measured, holds: many < few * UNAFFECTED }];
  });
}

function memoryVerdict({ memoryBefore, memoryAfter }: Measured): Verdict {
  const measured = `${Math.round(memoryBefore / 1024)} → ${Math.round(memoryAfter / 1024)} MiB`;
  return {
    claim: "listing leaves the daemon's memory below 256 MiB",
    measured,
    holds: memoryAfter < 256 * 1024,
  };
}

async function measureStore(count: number, rounds: number): Promise<Measured> {
  const arena = new Arena({ size: DISK_BYTES });
  try {
    arena.unmount();
    execFileSync("rm", ["-rf", arena.store]);
    mkdirSync(arena.store);
    await makeManySnapshots(arena.store, count);
    execFileSync("sync");
    const [mount, mountAfterKill]: [number[], number[]] = [[], []];
    for (let i = 0; i < rounds; i++) {
      mount.push(timed(() => arena.mount([])));
      process.kill(daemon(arena), "SIGKILL");
      await sleep(200);
      mountAfterKill.push(timed(() => arena.mount([])));
      if (i < rounds - 1) arena.unmount();
    }
    const memoryBefore = memory(arena);
    const out = execFileSync("/usr/bin/python3", [PROBE, arena.mnt, nameOf(0).slice(0, 9), String(count)], {
      encoding: "utf8",
    });
    const operations = JSON.parse(out) as Record<string, number[]>;
    return { mount, mountAfterKill, operations, memoryBefore, memoryAfter: memory(arena) };
  } finally {
    arena.close();
  }
}

function timed(work: () => void): number {
  const start = performance.now();
  work();
  return performance.now() - start;
}

function daemon(arena: Arena): number {
  return (JSON.parse(readFileSync(join(arena.store, "lock"), "utf8")) as { pid: number }).pid;
}

function memory(arena: Arena): number {
  return Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${daemon(arena)}/status`, "utf8"))![1]);
}
