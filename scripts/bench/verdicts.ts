import { EXCLUSIVE } from "./contenders.js";
import type { Counts } from "./counts.js";
import { figure, type RowResult, ratio } from "./report.js";
import type { StressResult } from "./stress.js";

/** One thing that the benchmark has to show. */
export interface Verdict {
  readonly claim: string;
  readonly measured: string;
  readonly holds: boolean;
}

const OURS = "snapmount";
const RIVALS = ["bindfs", "fuse-overlayfs"];
/** 0.9 of native speed or better. */
const NATIVE_SPEED = 1 / 0.9;

/** Judges the table by what the data path has promised. */
export function dataVerdicts(rows: readonly RowResult[]): Verdict[] {
  const verdicts: Verdict[] = [];
  for (const start of ["warm read", "rewrite", "random 4 KiB read", "random 4 KiB write"]) {
    verdicts.push(...atMost(rows, start, NATIVE_SPEED, "at 0.9 of native speed or better"));
  }
  verdicts.push(...atMost(rows, "untar", 5, "at most 5 times native"));
  for (const rival of RIVALS) {
    verdicts.push(...againstRival(rows, OURS, rival));
  }
  verdicts.push(...againstRival(rows, EXCLUSIVE, "fuse-overlayfs"));
  const latency = rows.find((row) => row.name.startsWith("p99"))?.contenders[OURS];
  if (latency !== undefined) {
    const measured = `${figure(latency.median)} ms`;
    verdicts.push({ claim: "p99 of stat under load is under 5 ms", measured, holds: latency.median < 5 });
  }
  return verdicts;
}

function atMost(rows: readonly RowResult[], start: string, limit: number, claim: string): Verdict[] {
  return rows
    .filter((row) => row.name.startsWith(start))
    .flatMap((row) => {
      const [ours, native] = [row.contenders[OURS], row.contenders["native"]];
      if (ours === undefined || native === undefined) {
        return [];
      }
      const times = ratio(ours, native);
      return [
        { claim: `${row.name}: ${claim}`, measured: `${times.toFixed(2)} × native`, holds: times <= limit },
      ];
    });
}

function againstRival(rows: readonly RowResult[], contender: string, rival: string): Verdict[] {
  const ratios = rows.flatMap((row) => {
    const [ours, theirs] = [row.contenders[contender], row.contenders[rival]];
    return ours === undefined || theirs === undefined ? [] : [{ name: row.name, times: ratio(theirs, ours) }];
  });
  if (ratios.length === 0) {
    return [];
  }
  const slower = ratios
    .filter(({ times }) => times < 1)
    .map(({ name, times }) => `${name} ${times.toFixed(2)}×`);
  const sorted = ratios.map(({ times }) => times).sort((a, b) => a - b);
  const median = sorted[Math.floor(sorted.length / 2)]!;
  return [
    {
      claim: `${contender}: every row at least as fast as ${rival}`,
      measured: slower.length === 0 ? "all" : `slower in: ${slower.join(", ")}`,
      holds: slower.length === 0,
    },
    {
      claim: `${contender}: the median row twice as fast as ${rival}`,
      measured: `${median.toFixed(2)}×`,
      holds: median >= 2,
    },
  ];
}

/** Judges the counted requests. */
export function countVerdicts(counts: Counts): Verdict[] {
  const times = counts.findCommitted / counts.findNative;
  const verdicts: Verdict[] = [
    {
      claim: "warm find in committed/ at most 1.5 times native",
      measured: `${times.toFixed(2)}×`,
      holds: times <= 1.5,
    },
  ];
  if (counts.writes !== undefined) {
    const measured = `${counts.writes.total} requests`;
    verdicts.push({
      claim: "100 small writes cost at most one request",
      measured,
      holds: counts.writes.total <= 1,
    });
  }
  if (counts.firstFind !== undefined && counts.secondFind !== undefined) {
    const { entries } = counts;
    verdicts.push({
      claim: "the second find in committed/ costs almost no requests (1 in 100 entries)",
      measured: `${counts.firstFind.total}, then ${counts.secondFind.total}, then ${counts.thirdFind?.total} for ${entries} entries`,
      holds: counts.secondFind.total <= entries / 100,
    });
  }
  return verdicts;
}

/** Judges the control path: what returns at once, and what goes on behind it. */
export function controlVerdicts(rows: readonly RowResult[]): Verdict[] {
  const limits = [
    { end: ": mkdir", limit: 10 },
    { end: ": mv", limit: 10 },
    { end: ": rmdir", limit: 10 },
    { end: ": ls active meanwhile (slowest)", limit: 10 },
    { end: ": first cat of a deep file", limit: 50 },
  ];
  const verdicts = limits.flatMap(({ end, limit }) =>
    rows
      .filter((row) => row.name.endsWith(end) && row.contenders[OURS] !== undefined)
      .map((row) => {
        const { median } = row.contenders[OURS]!;
        return {
          claim: `${row.name} under ${limit} ms`,
          measured: `${figure(median)} ms`,
          holds: median < limit,
        };
      }),
  );
  for (const row of rows.filter(({ name }) => name.includes("Debian tree: copy complete"))) {
    const [rival, limit] = row.name.startsWith("ext4")
      ? (["cp -a", 0.67] as const)
      : (["cp -a --reflink", 1] as const);
    const [ours, theirs] = [row.contenders[OURS], row.contenders[rival]];
    if (ours !== undefined && theirs !== undefined) {
      const times = ratio(ours, theirs);
      const claim = `${row.name} in at most ${limit} of the time of ${rival}`;
      verdicts.push({ claim, measured: times.toFixed(2), holds: times <= limit });
    }
  }
  return verdicts;
}

/** Judges a run of random operations. */
export function stressVerdicts(name: string, result: StressResult): Verdict[] {
  const { difference, operations, seconds, left } = result;
  const counts = Object.entries(left);
  return [
    {
      claim: `${name}: random operations answer and leave what they do natively`,
      measured: difference ?? `${operations} operations in ${seconds.toFixed(0)} s, no difference`,
      holds: difference === undefined,
    },
    {
      claim: `${name}: nothing is held after them`,
      measured: counts.map(([what, count]) => `${count} ${what}`).join(", "),
      holds: counts.length > 0 && counts.every(([, count]) => count === 0),
    },
  ];
}

/** @returns a line for each: whether it holds, what was claimed, what was measured */
export function verdictLines(verdicts: readonly Verdict[]): string {
  return verdicts.map((v) => `${v.holds ? "yes" : "NO "}  ${v.claim}: ${v.measured}`).join("\n");
}
