import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { statfs } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { deferred } from "../base/deferred.js";
import { redirectToNull } from "../sys/redirect.js";
import { FUSE_SUPER_MAGIC } from "../sys/stat.js";
import type { Announce } from "./daemon.js";
import { Failure, messageOf } from "./failure.js";
import { useSystemLog } from "./notify.js";

/** How long a fresh mount may take to answer, in milliseconds. */
const ANSWER_MS = 30_000;

/** What the daemon tells the process that started it. */
interface Mounted {
  readonly mountpoint: string;
}
/** What it is told back once the mount has answered. */
const ANSWERS = "answers";

/**
 * Starts a daemon in a session of its own and waits until its mount answers here.
 * @param command the program and its arguments; it calls runDaemon with `tellParent`
 * @returns 0, or the exit code of a daemon that failed and has said why on stderr
 * @throws Failure when the mount does not answer
 */
export async function startInBackground(command: readonly string[]): Promise<number> {
  const child = spawn(process.execPath, command, {
    detached: true,
    cwd: "/",
    stdio: ["ignore", "ignore", "pipe", "ipc"],
  });
  child.stderr?.on("data", (bytes: Buffer) => process.stderr.write(bytes));
  const exited = exitCode(child);
  let interrupted = false;
  const interrupt = (): void => {
    interrupted = true;
    child.kill("SIGTERM");
  };
  process.on("SIGINT", interrupt).on("SIGTERM", interrupt);
  try {
    const mounted = once(child, "message").then(([message]) => message as Mounted);
    const first = await Promise.race([mounted, exited]);
    if (typeof first === "number") {
      if (interrupted) throw new Failure("interrupted", "interrupted");
      return first;
    }
    await answers(first.mountpoint, child);
    const detached = once(child, "disconnect");
    child.send(ANSWERS);
    await Promise.race([detached, exited]);
    child.stderr?.destroy();
    child.unref();
    return 0;
  } finally {
    process.off("SIGINT", interrupt).off("SIGTERM", interrupt);
  }
}

async function exitCode(child: ChildProcess): Promise<number> {
  const [code, signal] = (await once(child, "close")) as [number | null, string | null];
  if (code !== null) return code;
  throw new Failure("internal", `the daemon was ended by ${signal}`);
}

async function answers(mountpoint: string, child: ChildProcess): Promise<void> {
  const timeout = new AbortController();
  const late = sleep(ANSWER_MS, undefined, { signal: timeout.signal }).catch(() => undefined);
  try {
    const figures = await Promise.race([statfs(mountpoint), late]);
    if (figures?.type === FUSE_SUPER_MAGIC) return;
    const why = figures === undefined ? `no answer within ${ANSWER_MS / 1000} s` : "something else is there";
    throw new Error(why);
  } catch (error) {
    child.kill("SIGTERM");
    await once(child, "close");
    throw new Failure("internal", `the mount at ${mountpoint} does not answer: ${messageOf(error)}`);
  } finally {
    timeout.abort();
  }
}

/**
 * The daemon's side: tells the parent that the mount is there, waits until it has answered there, and gives the
 * parent's terminal back.
 */
export const tellParent: Announce = async (mountpoint) => {
  const told = deferred<void>();
  process.once("message", () => told.resolve());
  process.once("disconnect", () =>
    told.reject(new Failure("interrupted", "whoever started the daemon has gone")),
  );
  process.send?.({ mountpoint } satisfies Mounted);
  await told.promise;
  redirectToNull(2);
  useSystemLog();
  process.disconnect();
};
