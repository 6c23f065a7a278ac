import type { RawName } from "../../base/bytes.js";
import type { Need } from "../pending.js";
import type { Failure } from "./messages.js";
import type { CopySpec } from "./spec.js";

/** A part of a copy that somebody waits for. */
export type Ahead =
  | { readonly type: "expand"; readonly path: RawName; readonly next: RawName | undefined }
  | { readonly type: "fill"; readonly path: RawName; readonly need: Need }
  | { readonly type: "complete"; readonly path: RawName };

/** Work for a thread of the copy engine. */
export type Work =
  | { readonly type: "ahead"; readonly spec: CopySpec; readonly board: Int32Array; readonly part: Ahead }
  | { readonly type: "snapshot"; readonly spec: CopySpec }
  | { readonly type: "delete"; readonly path: string }
  | { readonly type: "usage"; readonly path: string }
  | { readonly type: "flush"; readonly path: string };

/** What a thread is started with. */
export interface ThreadData {
  /** It shall not get into anybody's way. */
  readonly isIdle?: true;
}

/** A task as it goes to a thread; a cell that becomes 1 cancels it. */
export interface Task {
  readonly id: number;
  readonly work: Work;
  readonly cancel: Int32Array;
}

/** How a task ended. */
export type Outcome =
  | { readonly id: number; readonly value: unknown }
  | { readonly id: number; readonly failure: Failure };
