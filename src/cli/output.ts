import Table from "cli-table3";
import pc from "picocolors";

/** Colours, unless standard output is no terminal or NO_COLOR is set (no-color.org). */
export const colours = pc.createColors(pc.isColorSupported && process.stdout.isTTY === true);

/** Writes to standard output. */
export function print(text: string): void {
  process.stdout.write(text);
}

/** Writes a line to standard output. */
export function printLine(line: string): void {
  print(`${line}\n`);
}

/** Writes a message to standard error. */
export function tell(message: string): void {
  process.stderr.write(`snapmount: ${message}\n`);
}

/** Writes a value as JSON for programs: two spaces, a newline at the end. Undefined members are left out. */
export function printJson(value: unknown): void {
  print(`${JSON.stringify(value, undefined, 2)}\n`);
}

/** A column of a table. */
export interface Column {
  readonly title: string;
  readonly right?: true;
}

/** Text of a table, and how it is coloured. */
export type Cell = string | { readonly text: string; readonly paint: (text: string) => string };

const PLACES =
  "top top-mid top-left top-right bottom bottom-mid bottom-left bottom-right left left-mid mid mid-mid right right-mid";
const NO_LINES = { ...Object.fromEntries(PLACES.split(" ").map((place) => [place, ""])), middle: "  " };

/** @returns aligned columns under their titles, without lines; nothing of them is cut */
export function table(columns: readonly Column[], rows: readonly (readonly Cell[])[]): string {
  const grid = new Table({
    head: columns.map(({ title }) => colours.bold(title)),
    colAligns: columns.map(({ right }) => (right === true ? "right" : "left")),
    chars: NO_LINES,
    style: { head: [], border: [], "padding-left": 0, "padding-right": 0, compact: true },
  });
  for (const row of rows) grid.push(row.map(cellText));
  const lines = grid.toString().split("\n");
  return `${lines.map((line) => line.trimEnd()).join("\n")}\n`;
}

function cellText(cell: Cell): string {
  return typeof cell === "string" ? oneLine(cell) : cell.paint(oneLine(cell.text));
}

/** @returns text with control characters written as \\x1B: they would break lines, or do worse to a terminal */
export function oneLine(text: string): string {
  return text.replace(/\p{Cc}/gu, (character) => {
    const code = character.codePointAt(0)!.toString(16).toUpperCase().padStart(2, "0");
    return `\\x${code}`;
  });
}

const UNITS = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"] as const;

/** @returns bytes for people: `1.5 GiB` */
export function humanSize(bytes: number): string {
  let value = bytes;
  let unit = 0;
  while (value >= 1024 && unit < UNITS.length - 1) {
    value /= 1024;
    unit++;
  }
  const digits = unit === 0 || value >= 100 ? 0 : 1;
  return `${value.toFixed(digits)} ${UNITS[unit]}`;
}
