import type { Summary } from "./statistics.js";

/** Results of one row by the name of the contender; those that did not take part are missing. */
export interface RowResult {
  readonly name: string;
  readonly unit: string;
  readonly contenders: Readonly<Record<string, Summary>>;
}

/**
 * @param reference the contender to which the others are compared
 * @returns a table: median, (smallest to largest), ratio to the reference
 */
export function table(rows: readonly RowResult[], names: readonly string[], reference: string): string {
  const cells = rows.map((row) => [
    row.name,
    ...names.map((name) => cell(row.contenders[name], row.contenders[reference], name === reference)),
  ]);
  const lines = [["", ...names], ...cells];
  const widths = lines[0]!.map((_, column) => Math.max(...lines.map((line) => line[column]!.length)));
  const text = lines.map((line) =>
    line
      .map((value, i) => (i === 0 ? value.padEnd(widths[i]!) : value.padStart(widths[i]!)))
      .join("  ")
      .trimEnd(),
  );
  text.splice(1, 0, widths.map((width) => "-".repeat(width)).join("  "));
  return text.join("\n");
}

function cell(summary: Summary | undefined, reference: Summary | undefined, isReference: boolean): string {
  if (summary === undefined) {
    return "–";
  }
  const spread = `${figure(summary.median)} (${figure(summary.smallest)}–${figure(summary.largest)})`;
  return isReference || reference === undefined
    ? spread
    : `${spread} ${ratio(summary, reference).toFixed(2)}×`;
}

/** How many times longer than the reference it took. */
export function ratio(summary: Summary, reference: Summary): number {
  return summary.median / reference.median;
}

/** Three significant digits. */
export function figure(value: number): string {
  return value >= 100 ? value.toFixed(0) : value.toPrecision(3);
}
