import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { log } from "../../base/log.js";
import { ENOENT } from "../../sys/errno.js";
import { loadLibrary } from "../../sys/foreign.js";
import { MountError } from "../mount.js";
import type { Request } from "./request.js";

const debug = log("fuse");
/** The one version whose structures request.ts knows. */
const VERSION = "2.2.6";

/** Called with the request, its operation, and the operation's arguments. */
export type Handler = (request: Request, operation: number, ...args: unknown[]) => void;

/** What the C part of fuse-native exports, as its index.js uses it (fuse-native.c, at the end). */
export interface Binding {
  readonly sizeof_fuse_thread_t: number;
  /** @param options as for mount(8) with `-o` before; at most 1023 bytes, as the mountpoint. */
  fuse_native_mount(
    mountpoint: string,
    options: string,
    thread: Buffer,
    context: object,
    allocate: (size: number) => Buffer,
    handlers: readonly Handler[],
    implemented: Uint32Array,
  ): void;
  /** After the mount has gone: lets the process end. */
  fuse_native_unmount(mountpoint: string, thread: Buffer): void;
  /** Numbers `op_NAME` and functions `fuse_native_signal_NAME(request, result, …)`, which answer a request. */
  readonly [name: string]: unknown;
}

const remedy = "leave --driver out, or install it (npm install fuse-native@2.2.6, and the package libfuse2)";

/**
 * Loads the package fuse-native. Its index.js is passed by: it is what drops arguments, rounds times and limits options.
 * @throws MountError that says what is missing
 */
export function loadFuseNative(): Binding {
  const require = createRequire(import.meta.url);
  let manifest: string;
  try {
    manifest = require.resolve("fuse-native/package.json");
  } catch {
    throw new MountError(ENOENT, `the package fuse-native is not installed: ${remedy}`);
  }
  const { version } = require(manifest) as { version: string };
  if (version !== VERSION) {
    throw new MountError(0, `fuse-native ${version} is not known, only ${VERSION}: ${remedy}`);
  }
  if (process.arch !== "x64") {
    throw new MountError(0, `fuse-native is for x64 only, and this is ${process.arch}: leave --driver out`);
  }
  const directory = dirname(manifest);
  try {
    provideLibfuse(join(directory, "prebuilds/linux-x64/libfuse.so"));
    const load = createRequire(manifest)("node-gyp-build") as (directory: string) => unknown;
    return load(directory) as Binding;
  } catch (error) {
    throw new MountError(0, `fuse-native cannot be loaded: ${reason(error)}: ${remedy}`);
  }
}

/**
 * The binding wants libfuse.so.2: that of the system, else the one that comes with the package.
 * @throws Error when there is neither
 */
function provideLibfuse(bundled: string): void {
  try {
    loadLibrary("libfuse.so.2");
  } catch (error) {
    debug("no libfuse.so.2 in the system (%s), the package's own is taken", reason(error));
    loadLibrary(bundled);
  }
}

function reason(error: unknown): string {
  return (error instanceof Error ? error.message : String(error)).split("\n")[0]!;
}
