import { StoreError } from "../store/types.js";

/** What stands in the way, so that the command line can choose its exit code. */
export type FailureKind =
  /** It was asked for in a way that is not understood. */
  | "usage"
  /** The store cannot be used. */
  | "store"
  /** The mountpoint cannot be used. */
  | "mountpoint"
  /** Somebody else uses the store or the mount. */
  | "busy"
  /** FUSE is not available. */
  | "fuse"
  /** There is no such store or snapshot. */
  | "notFound"
  /** The name is taken. */
  | "exists"
  /** A file of the host cannot be changed. */
  | "host"
  /** No space, no memory, no descriptors. */
  | "resources"
  /** A signal came first. */
  | "interrupted"
  /** A contradiction of ours. */
  | "internal";

/** A request that cannot be met; the message names the thing and the remedy and is all that the user sees. */
export class Failure extends Error {
  override readonly name = "Failure";

  constructor(
    readonly kind: FailureKind,
    message: string,
  ) {
    super(message);
  }
}

/** @returns what an error of any origin says */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** What a store that cannot be opened means for whoever asked. */
export function storeFailure(error: unknown, directory: string): Failure {
  if (error instanceof Failure) return error;
  if (!(error instanceof StoreError)) {
    return new Failure("store", `the store ${directory} cannot be opened: ${messageOf(error)}`);
  }
  const kinds: Partial<Record<StoreError["kind"], FailureKind>> = { Busy: "busy", OutOfSpace: "resources" };
  return new Failure(kinds[error.kind] ?? "store", error.message);
}
