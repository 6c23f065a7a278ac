import type { MessagePort } from "node:worker_threads";
import { assert } from "../base/assert.js";
import type { PortHost } from "../base/port-host.js";
import { EIO } from "../sys/errno.js";
import { signalEventFd } from "../sys/poll.js";
import type { CopyAhead } from "./pending.js";
import type { Change, Store } from "./store.js";
import { type ErrorClass, type Info, type Snapshotter, StoreError } from "./types.js";

// The store lives in the main thread, the mounted tree in the session's: these are the calls between them.

type Methods = Omit<Snapshotter & CopyAhead, "walk" | "close">;

const METHODS = [
  "prepare",
  "view",
  "commit",
  "remove",
  "rename",
  "mounts",
  "path",
  "stat",
  "update",
  "hold",
  "usage",
  "openChanges",
  "nextChanges",
  "closeChanges",
  "whenCopied",
  "whenDurable",
  "progress",
  "setSetting",
  "cleanup",
  "expand",
  "fill",
  "complete",
] as const satisfies readonly (keyof Methods)[];

type Method = (typeof METHODS)[number];

type Request =
  | { readonly id: number; readonly method: Method; readonly args: readonly unknown[] }
  | { readonly cancel: number };

interface Failure {
  readonly kind: ErrorClass;
  readonly errno: number;
  readonly message: string;
}

type Reply =
  | { readonly id: number; readonly value: unknown }
  | { readonly id: number; readonly failure: Failure }
  | { readonly change: Change };

/**
 * Answers another thread's calls.
 * @param wakeFd eventfd that wakes that thread
 */
export function serveStore(port: MessagePort, store: Store, wakeFd: number): void {
  const running = new Map<number, AbortController>();
  const post = (reply: Reply): void => {
    port.postMessage(reply);
    if (wakeFd >= 0) signalEventFd(wakeFd);
  };
  port.on("message", (request: Request) => {
    if ("cancel" in request) {
      running.get(request.cancel)?.abort();
      return;
    }
    const { id, method } = request;
    const abort = new AbortController();
    running.set(id, abort);
    call(store, method, request.args, abort.signal)
      .then((value) => post({ id, value }))
      .catch((error: unknown) => post({ id, failure: describe(error) }))
      .finally(() => running.delete(id));
  });
  store.onChange((change) => post({ change }));
}

async function call(
  store: Store,
  method: Method,
  args: readonly unknown[],
  signal: AbortSignal,
): Promise<unknown> {
  assert(METHODS.includes(method), `the store has no method ${method}`);
  const last = args.at(-1);
  const withSignal =
    takesOptions(method) && typeof last === "object"
      ? [...args.slice(0, -1), { ...last, signal }]
      : [...args];
  const target = store[method] as (...list: unknown[]) => Promise<unknown>;
  return await target.apply(store, withSignal);
}

/** Whether the last argument is CreateOptions. */
function takesOptions(method: Method): boolean {
  return method === "prepare" || method === "view";
}

function describe(error: unknown): Failure {
  if (error instanceof StoreError) return { kind: error.kind, errno: error.errno, message: error.message };
  const message = error instanceof Error ? (error.stack ?? error.message) : String(error);
  return { kind: "Io", errno: EIO, message };
}

interface Pending {
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: Error) => void;
}

/**
 * Calls a store that lives in another thread.
 * @param host takes the messages of this thread
 * @param onChange is told of every change of the store
 */
export function connectStore(
  port: MessagePort,
  host: PortHost,
  onChange: (change: Change) => void,
): Snapshotter & CopyAhead {
  const pending = new Map<number, Pending>();
  let next = 1;
  host.attach(port, (message) => {
    const reply = message as Reply;
    if ("change" in reply) {
      onChange(reply.change);
      return;
    }
    const waiting = pending.get(reply.id);
    pending.delete(reply.id);
    if ("value" in reply) waiting?.resolve(reply.value);
    else waiting?.reject(new StoreError(reply.failure.kind, reply.failure.errno, reply.failure.message));
  });
  const send = (method: Method, args: readonly unknown[]): Promise<unknown> => {
    const id = next++;
    const last = takesOptions(method) ? (args.at(-1) as { signal?: AbortSignal } | undefined) : undefined;
    const signal = typeof last === "object" ? last.signal : undefined;
    const plain = signal === undefined ? args : [...args.slice(0, -1), { ...last, signal: undefined }];
    signal?.addEventListener("abort", () => port.postMessage({ cancel: id } satisfies Request));
    return new Promise((resolve, reject) => {
      pending.set(id, { resolve, reject });
      port.postMessage({ id, method, args: plain } satisfies Request);
    });
  };
  const methods = Object.fromEntries(
    METHODS.map((method) => [method, (...args: readonly unknown[]) => send(method, args)]),
  ) as unknown as Methods;
  return {
    ...methods,
    walk: (_visit: (info: Info) => void | Promise<void>) =>
      Promise.reject(new Error("the store is walked in its own thread; a reader lists it here")),
    close: () => Promise.reject(new Error("the store is closed in its own thread")),
  };
}
