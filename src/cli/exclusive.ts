import { exclusiveBytes } from "../store/exclusive.js";
import { SysError } from "../sys/error.js";
import type { Access } from "./access.js";
import type { Snapshot } from "./snapshot.js";

/** Bytes that no other file shares, or undefined where that cannot be told. */
export type Exclusive = number | undefined;

/**
 * @param onProgress called now and then with the number of entries looked at
 * @throws when aborted
 */
export async function exclusiveOf(
  access: Access,
  snapshot: Snapshot,
  signal: AbortSignal,
  onProgress: (entries: number) => void,
): Promise<Exclusive> {
  // A view of a parent has nothing of its own, as its usage says.
  if (snapshot.kind === "view" && snapshot.parent !== undefined) return 0;
  try {
    return await exclusiveBytes(await access.path(snapshot), signal, onProgress);
  } catch (error) {
    if (error instanceof SysError) return undefined;
    throw error;
  }
}
