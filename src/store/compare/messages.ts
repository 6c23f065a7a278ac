import type { TreeChange } from "../changes.js";

/** What the comparing thread is asked. */
export type ComparisonRequest =
  | {
      readonly type: "open";
      readonly list: number;
      readonly before: string | undefined;
      readonly after: string;
    }
  | { readonly type: "next"; readonly list: number }
  | { readonly type: "close"; readonly list: number }
  | { readonly type: "end" };

/** What it answers to `next`. */
export type ComparisonReply =
  | { readonly list: number; readonly changes: readonly TreeChange[]; readonly isLast: boolean }
  | {
      readonly list: number;
      readonly failure: { readonly errno: number; readonly operation: string; readonly subject: string };
    };
