import { fileURLToPath } from "node:url";
import { debianTree } from "../debian-tree.js";
import { dropCaches, output, timed } from "./shell.js";
import { gitRepository } from "./trees.js";

const IO = fileURLToPath(new URL("../../../scripts/bench/io.py", import.meta.url));

/** How large everything is. */
export interface Scale {
  readonly fileMiB: number;
  /** Passes over the file where one is too short to be timed. */
  readonly passes: number;
  readonly randomBlocks: number;
  readonly smallFiles: number;
  readonly repositoryFiles: number;
  readonly latencyMilliseconds: number;
  /** Whether the whole Debian tree is used, or its /usr/share. */
  readonly wholeTree: boolean;
}

export const FULL: Scale = {
  fileMiB: 256,
  passes: 4,
  randomBlocks: 50_000,
  smallFiles: 4_000,
  repositoryFiles: 20_000,
  latencyMilliseconds: 5_000,
  wholeTree: true,
};

export const QUICK: Scale = {
  fileMiB: 64,
  passes: 2,
  randomBlocks: 10_000,
  smallFiles: 500,
  repositoryFiles: 2_000,
  latencyMilliseconds: 1_500,
  wholeTree: false,
};

/** One line of the table: something that is timed in the directory of a contender. */
export interface Row {
  readonly name: string;
  /** Of the result; smaller is better in every row. */
  readonly unit: "ms";
  /** How often it is measured in a round, in turns with the other contenders; more than once where it leaves what it found. */
  readonly repeats: number;
  /** Before the time starts. */
  readonly prepare?: (base: string) => void;
  /** @returns milliseconds */
  readonly run: (base: string) => number;
}

/** Archives that the rows unpack; makes them when they are asked for the first time. */
function archives(scale: Scale): { debian: string; repository: string } {
  return { debian: debianTree(), repository: gitRepository(scale.repositoryFiles) };
}

/** Puts what the rows need and do not make themselves into a contender's native directory. */
export function fillBase(scale: Scale): (directory: string) => void {
  const { repository } = archives(scale);
  return (directory) =>
    void timed(`mkdir "$1/repository"; tar -xf "$2" -C "$1/repository"`, directory, repository);
}

/** The rows in the order in which they have to run: each finds what those before it left. */
export function dataRows(scale: Scale): readonly Row[] {
  const { debian } = archives(scale);
  return [...fileRows(scale), ...treeRows(debian, scale), ...smallRows(scale)];
}

function io(row: string, count: number): (base: string) => number {
  return (base) => Number(output(`/usr/bin/python3 "$1" "$2" "$3" "$4"`, IO, row, base, String(count)));
}

function row(name: string, run: (base: string) => number, prepare?: (base: string) => void): Row {
  const once = { name, unit: "ms", repeats: 1, run } as const;
  return prepare === undefined ? once : { ...once, prepare };
}

/** A row that can be measured again, because it leaves everything as it was. */
function repeatable(...given: Parameters<typeof row>): Row {
  return { ...row(...given), repeats: 3 };
}

function fileRows(scale: Scale): Row[] {
  const blocks = scale.fileMiB * 8;
  const again = (command: string) => `for i in $(seq ${scale.passes}); do ${command}; done`;
  const write = `dd if=/dev/zero of="$1/sequential" bs=128K count=${blocks} conv=notrunc status=none`;
  const read = `dd if="$1/sequential" of=/dev/null bs=128K status=none`;
  return [
    row(`sequential write, ${scale.fileMiB} MiB`, (base) => timed(write, base)),
    repeatable(`rewrite, ${scale.passes} × ${scale.fileMiB} MiB`, (base) => timed(again(write), base)),
    repeatable(`cold read, ${scale.fileMiB} MiB`, (base) => timed(read, base), dropCaches),
    repeatable(
      `warm read, ${scale.passes} × ${scale.fileMiB} MiB`,
      (base) => timed(again(read), base),
      (base) => void timed(read, base),
    ),
    repeatable(`random 4 KiB read, ${scale.randomBlocks}`, io("random-read", scale.randomBlocks)),
    repeatable(`random 4 KiB write, ${scale.randomBlocks}`, io("random-write", scale.randomBlocks)),
  ];
}

function treeRows(debian: string, scale: Scale): Row[] {
  const part = scale.wholeTree ? "" : "./usr/share";
  const untar = `mkdir "$1/tree"; tar -xpf "$2" -C "$1/tree" --numeric-owner ${part}`;
  const find = `find "$1/tree" -ls`;
  const status = `git -c safe.directory='*' -C "$1/repository" status --porcelain`;
  const grep = `grep -r "no such string anywhere" "$1/tree" || test $? = 1`;
  return [
    row(`untar the Debian ${scale.wholeTree ? "tree" : "/usr/share"}`, (base) => timed(untar, base, debian)),
    repeatable(
      "find -ls, warm",
      (base) => timed(find, base),
      (base) => void timed(find, base),
    ),
    repeatable("find -ls, cold", (base) => timed(find, base), dropCaches),
    row(
      "grep -r, warm",
      (base) => timed(`${grep} 2>/dev/null`, base),
      (base) => void timed(`${grep} 2>/dev/null`, base),
    ),
    repeatable(
      `git status, ${scale.repositoryFiles} files`,
      (base) => timed(status, base),
      (base) => void timed(status, base),
    ),
    row("rm -r the tree", (base) => timed(`rm -r "$1/tree"`, base)),
  ];
}

function smallRows(scale: Scale): Row[] {
  const files = scale.smallFiles;
  return [
    row(`create ${files} files of 100 bytes`, io("small-create", files)),
    repeatable(`open, read, close ${files}`, io("small-open", files)),
    repeatable(`stat ${files}`, io("small-stat", files)),
    row(`unlink ${files}`, io("small-unlink", files)),
    row(
      `p99 of stat beside fsync and copy of ${4 * scale.fileMiB} MiB`,
      io("stat-latency", scale.latencyMilliseconds),
    ),
  ];
}
