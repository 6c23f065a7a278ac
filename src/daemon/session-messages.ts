import type { MessagePort } from "node:worker_threads";
import type { MountOptions } from "./request.js";

/** What the session thread is started with. */
export interface SessionData {
  /** The /dev/fuse descriptor of the mount. */
  readonly fd: number;
  /** Absolute path of the store. */
  readonly directory: string;
  /** Leads to the store, which lives in the main thread. */
  readonly port: MessagePort;
  /** How deep file systems may be stacked on the backing files (see FUSE passthrough). */
  readonly maxStackDepth: 1 | 2;
  readonly options: MountOptions;
  readonly debug: boolean;
}

/** What the session thread tells. */
export type SessionMessage =
  /** It can be woken through this eventfd from now on, and begins to answer. */
  | { readonly type: "started"; readonly wakeFd: number }
  /** What was agreed on with the kernel. */
  | { readonly type: "negotiated"; readonly passthrough: boolean }
  /** It has gone through the rehearsal; `failure` says why not. */
  | { readonly type: "rehearsed"; readonly failure: string | undefined }
  /** The mount has gone, in whatever way; everything is given back. */
  | { readonly type: "ended" };

/** A store of nobody's to rehearse with (see rehearsal.ts). */
export interface Stage {
  /** Absolute path of the store. */
  readonly directory: string;
  /** Leads to the store. */
  readonly port: MessagePort;
}

/** What the session thread is told. */
export type SessionCommand = { readonly type: "stop" } | ({ readonly type: "rehearse" } & Stage);
