import type { Command } from "commander";
import type { Access } from "./access.js";
import { notFound } from "./failures.js";
import { interruptible } from "./interrupt.js";
import { type Ref, refText } from "./ref.js";
import type { Snapshot } from "./snapshot.js";

/**
 * Adds one command to the program.
 * @param finish takes the exit code when it is not 0
 */
export type AddCommand = (program: Command, finish: (code: number) => void) => void;

/** The description of the argument STORE, in every command's help. */
export const STORE_HELP = "directory of the store, or where it is mounted";

/**
 * Opens a store for a command, closes it again, and lets signals cancel what is under way.
 * @param create whether an empty directory is a store
 */
export async function withStore<T>(
  path: string,
  use: (access: Access, signal: AbortSignal) => Promise<T>,
  create = false,
): Promise<T> {
  return interruptible(async (signal) => {
    // Loaded when it is needed: `--help` and what does not understand its arguments need not wait for LMDB.
    const { openAccess } = await import("./open-access.js");
    const access = await openAccess(path, create);
    try {
      return await use(access, signal);
    } finally {
      await access.close();
    }
  });
}

/** @throws Failure notFound */
export async function requireSnapshot(access: Access, ref: Ref): Promise<Snapshot> {
  const found = await access.find(ref);
  if (found === undefined) throw notFound(ref);
  return found;
}

/** For options that may be given several times. */
export function collect(value: string, before: readonly string[] = []): string[] {
  return [...before, value];
}

/** @returns the ref paths of several, for messages */
export function listed(refs: readonly Ref[]): string {
  return refs.map(refText).join(", ");
}
