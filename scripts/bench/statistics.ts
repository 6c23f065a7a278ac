/** What was measured of one thing by one contender. */
export interface Summary {
  readonly median: number;
  readonly smallest: number;
  readonly largest: number;
  readonly samples: readonly number[];
}

/** @param samples at least one */
export function summarize(samples: readonly number[]): Summary {
  const sorted = [...samples].sort((a, b) => a - b);
  return { median: quantile(sorted, 0.5), smallest: sorted[0]!, largest: sorted.at(-1)!, samples };
}

/** @param sorted ascending, at least one. @param share 0..1. @returns linearly interpolated */
export function quantile(sorted: readonly number[], share: number): number {
  const at = share * (sorted.length - 1);
  const below = sorted[Math.floor(at)]!;
  const above = sorted[Math.ceil(at)]!;
  return below + (above - below) * (at - Math.floor(at));
}
