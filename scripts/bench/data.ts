import { chmodSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Image, makeImage } from "../../native-tests/support/image.js";
import { CONTENDERS, type Contender, type Started } from "./contenders.js";
import type { RowResult } from "./report.js";
import { dataRows, fillBase, type Row, type Scale } from "./rows.js";
import { settle, sleep } from "./shell.js";
import { summarize } from "./statistics.js";

const IMAGE_BYTES = 6 * 2 ** 30;
const PAUSE_MS = 100;

interface Entrant {
  readonly contender: Contender;
  readonly started: Started;
  readonly image: Image;
}

/** Samples by row and contender. */
type Samples = Map<string, Map<string, number[]>>;

export interface DataOptions {
  readonly scale: Scale;
  readonly rounds: number;
  /** Only rows whose name contains one of these; all when empty. Rows that others build on are run all the same. */
  readonly contenders: readonly string[];
}

/**
 * Runs every row with every contender. In each round each contender gets a freshly made ext4 of its own;
 * within a row the contenders take turns, beginning with another one in each round.
 */
export function measureData(options: DataOptions): RowResult[] {
  const present = CONTENDERS.filter((contender) => takesPart(contender, options.contenders));
  const rows = dataRows(options.scale);
  const fill = fillBase(options.scale);
  const samples: Samples = new Map();
  for (let round = 0; round < options.rounds; round++) {
    const directory = mkdtempSync(join(tmpdir(), "snapmount-bench-"));
    chmodSync(directory, 0o755);
    const entrants: Entrant[] = [];
    try {
      for (const contender of present) {
        entrants.push(enter(contender, directory, entrants.length, fill));
      }
      for (const row of rows) {
        measureRow(row, entrants, round, samples);
      }
    } finally {
      leave(entrants);
      rmSync(directory, { recursive: true, force: true });
    }
  }
  return rows.map((row) => result(row, samples));
}

function takesPart(contender: Contender, wanted: readonly string[]): boolean {
  if (wanted.length > 0 && contender.name !== "native" && !wanted.includes(contender.name)) {
    return false;
  }
  const absence = contender.absence();
  if (absence !== undefined) {
    console.error(`without ${contender.name}: ${absence}`);
  }
  return absence === undefined;
}

function enter(
  contender: Contender,
  directory: string,
  index: number,
  fill: (path: string) => void,
): Entrant {
  const image = makeImage("ext4", directory, `disk${index}`, IMAGE_BYTES);
  try {
    const mountpoint = join(directory, `mnt${index}`);
    mkdirSync(mountpoint, { mode: 0o755 });
    return { contender, image, started: contender.start(image.path, mountpoint, fill) };
  } catch (error) {
    image.close();
    throw error;
  }
}

function measureRow(row: Row, entrants: readonly Entrant[], round: number, samples: Samples): void {
  const byName = samples.get(row.name) ?? new Map<string, number[]>();
  samples.set(row.name, byName);
  for (let turn = 0; turn < entrants.length * row.repeats; turn++) {
    const { contender, started } = entrants[(turn + round) % entrants.length]!;
    row.prepare?.(started.base);
    settle();
    sleep(PAUSE_MS);
    const milliseconds = row.run(started.base);
    byName.set(contender.name, [...(byName.get(contender.name) ?? []), milliseconds]);
    console.error(`round ${round + 1}  ${row.name}  ${contender.name}  ${milliseconds.toFixed(1)} ms`);
  }
}

/** Ends all, also when one of them fails, and then fails with the first error. */
function leave(entrants: readonly Entrant[]): void {
  const errors: unknown[] = [];
  for (const { started, image } of entrants) {
    for (const end of [() => started.stop(), () => image.close()]) {
      try {
        end();
      } catch (error) {
        errors.push(error);
      }
    }
  }
  if (errors.length > 0) {
    throw errors[0];
  }
}

function result(row: Row, samples: Samples): RowResult {
  const contenders = [...samples.get(row.name)!].map(([name, values]) => [name, summarize(values)] as const);
  return { name: row.name, unit: row.unit, contenders: Object.fromEntries(contenders) };
}
