import type { Beside, Source } from "./types.js";

/** What a thread must know to copy a tree, or to complete a part of it. */
export interface CopySpec {
  /** Number of the copy in its engine. */
  readonly id: number;
  /** Path of the directory that is to be completed. */
  readonly target: string;
  readonly beside: Beside;
  /** The directory that is copied, and while it is being copied itself, those it comes from, nearest first. */
  readonly sources: readonly Source[];
  /** Shared by all threads that are at it: see Cell. */
  readonly cells: Int32Array;
  /** Data of what seems complete may have been lost in a power cut. */
  readonly verify: boolean;
}

/** What stands in the cells of a copy. */
export const Cell = {
  /** 1 when it is to stop. */
  cancel: 0,
  /** Directories and groups of files that are not done yet. */
  open: 1,
  /** Entries copied so far. */
  entries: 2,
  /** How contents of files were copied: a bit for each of METHODS. */
  methods: 3,
} as const;

/** What stands in the cells that all copies of an engine share. */
export const Board = {
  /** How many threads wait for what another one has locked. */
  hurry: 0,
  /** From here on one cell a thread: 1 when it has nothing to do. */
  idle: 1,
} as const;

/** @returns cells that threads can share */
export function sharedCells(count: number): Int32Array {
  return new Int32Array(new SharedArrayBuffer(4 * count));
}
