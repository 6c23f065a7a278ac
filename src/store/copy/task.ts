/** Work for a thread of the copy engine. */
export type Work =
  | { readonly type: "copy"; readonly from: string; readonly to: string }
  | { readonly type: "delete"; readonly path: string }
  | { readonly type: "usage"; readonly path: string }
  | { readonly type: "flush"; readonly path: string };

/** A task as it goes to a thread; a cell that becomes 1 cancels it. */
export interface Task {
  readonly id: number;
  readonly work: Work;
  readonly cancel: Int32Array;
}

/** How a task ended. */
export type Outcome =
  | { readonly id: number; readonly value: unknown }
  | {
      readonly id: number;
      readonly failure: { readonly errno: number; readonly operation: string; readonly subject: string };
    };
