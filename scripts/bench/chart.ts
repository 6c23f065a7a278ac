import { figure, type RowResult, ratio } from "./report.js";

const COLOURS = ["#4c78a8", "#e45756", "#f2a33a", "#72b7b2", "#9d88b5", "#9aa0a6"];
const BAR = 12;
const LEFT = 300;
const WIDTH = 1000;
const FONT = 'font-family="sans-serif" font-size="12"';

/**
 * Draws how many times longer than the reference each contender took, on a logarithmic scale.
 *
 * @param reference the contender that is 1; it gets a line instead of bars
 * @returns an SVG document
 */
export function chart(
  title: string,
  rows: readonly RowResult[],
  names: readonly string[],
  reference: string,
): string {
  const others = names.filter((name) => name !== reference);
  const shown = rows.filter((row) => row.contenders[reference] !== undefined);
  const all = shown.flatMap((row) => others.flatMap((name) => ratioOf(row, name, reference) ?? []));
  const low = Math.min(0.5, ...all);
  const high = Math.max(2, ...all);
  const x = (value: number) => LEFT + ((WIDTH - LEFT - 70) * Math.log(value / low)) / Math.log(high / low);
  const group = others.length * BAR + 14;
  const height = 70 + shown.length * group;
  const bars = shown.map((row, index) => drawRow(row, others, reference, 60 + index * group, x, low));
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${height}" ${FONT}>`,
    `<rect width="100%" height="100%" fill="white"/>`,
    `<text x="10" y="20" font-size="15">${xmlText(title)}</text>`,
    ...others.map((name, i) => legend(name, i, legendLeft(others.slice(0, i)))),
    `<line x1="${x(1)}" x2="${x(1)}" y1="50" y2="${height - 8}" stroke="#333"/>`,
    ...bars,
    "</svg>",
    "",
  ].join("\n");
}

function drawRow(
  row: RowResult,
  names: readonly string[],
  reference: string,
  top: number,
  x: (value: number) => number,
  low: number,
): string {
  const bars = names.flatMap((name, i) => {
    const value = ratioOf(row, name, reference);
    if (value === undefined) {
      return [];
    }
    const y = top + i * BAR;
    const [from, to] = [x(low), x(value)];
    return [
      `<rect x="${from}" y="${y}" width="${Math.max(1, to - from)}" height="${BAR - 2}" fill="${colour(i)}"/>`,
      `<text x="${to + 4}" y="${y + BAR - 2}" font-size="10">${figure(value)}×</text>`,
    ];
  });
  return [`<text x="10" y="${top + (names.length * BAR) / 2 + 4}">${xmlText(row.name)}</text>`, ...bars].join(
    "\n",
  );
}

/** Where the next one stands after some names, from the left edge of the chart: letters are about so wide. */
function legendLeft(before: readonly string[]): number {
  return before.reduce((left, name) => left + 30 + name.length * 6.4, 10);
}

function legend(name: string, index: number, left: number): string {
  return (
    `<rect x="${left}" y="30" width="10" height="10" fill="${colour(index)}"/>` +
    `<text x="${left + 14}" y="40" font-size="11">${xmlText(name)}</text>`
  );
}

function ratioOf(row: RowResult, name: string, reference: string): number | undefined {
  const [summary, one] = [row.contenders[name], row.contenders[reference]];
  return summary === undefined || one === undefined ? undefined : ratio(summary, one);
}

function colour(index: number): string {
  return COLOURS[index % COLOURS.length]!;
}

function xmlText(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;");
}
