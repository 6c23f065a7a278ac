import type { MessagePort } from "node:worker_threads";
import type { RawName } from "../../base/bytes.js";
import { EIO } from "../../sys/errno.js";
import { SysError } from "../../sys/error.js";
import type { CopySpec } from "./spec.js";

/** Something of a copy that is to be done: a directory, or files in it that are placeholders. */
export interface Item {
  readonly path: RawName | "";
  readonly names?: readonly RawName[];
}

/** What a walking thread is told, by the engine or by another one. */
export type ToWalker =
  | { readonly type: "launch"; readonly spec: CopySpec; readonly items: readonly Item[] }
  | { readonly type: "give"; readonly id: number; readonly items: readonly Item[] }
  | { readonly type: "drop"; readonly id: number }
  | { readonly type: "end" };

/** What it tells the engine. */
export type FromWalker =
  | { readonly type: "complete"; readonly id: number }
  | { readonly type: "failed"; readonly id: number; readonly failure: Failure }
  | { readonly type: "dropped"; readonly id: number };

/** A SysError on its way to another thread. */
export interface Failure {
  readonly errno: number;
  readonly operation: string;
  readonly subject: string;
}

/** Another walking thread. */
export interface Peer {
  readonly index: number;
  readonly port: MessagePort;
}

/** What a walking thread is started with. */
export interface WalkerData {
  readonly index: number;
  readonly board: Int32Array;
  readonly peers: readonly Peer[];
}

/** @returns what another thread is told of an error; what is none of a system call shows as EIO */
export function describeFailure(error: unknown, operation: string): Failure {
  if (error instanceof SysError)
    return { errno: error.errno, operation: error.operation, subject: error.subject };
  const what = error instanceof Error ? (error.stack ?? error.message) : String(error);
  return { errno: EIO, operation, subject: what };
}
