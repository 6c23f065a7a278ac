import { type ChildProcess, execFileSync, spawn, spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { mountAt, mountsBelow } from "../../src/daemon/mounts.js";
import { isRunning, lockOwner } from "../../src/store/lock.js";

const SNAPMOUNT = fileURLToPath(new URL("../../src/cli/main.js", import.meta.url));
/** A command that takes longer hangs, in milliseconds. */
const LIMIT_MS = 30_000;

/** How a command ended. */
export interface Ended {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** A temporary directory in which stores are mounted by the command line; dispose() leaves nothing of it. */
export class CommandLine {
  readonly directory = mkdtempSync(join(tmpdir(), "snapmount-cli-"));
  /** Path of the program itself. */
  readonly program = SNAPMOUNT;
  private readonly children: ChildProcess[] = [];

  /** @returns an absolute path in the directory */
  path(name: string): string {
    return join(this.directory, name);
  }

  /** Runs snapmount to its end. @param args of the command; relative paths are in the directory */
  run(...args: string[]): Ended {
    return this.runIn({}, ...args);
  }

  /** The same with other environment variables. */
  runIn(environment: Readonly<Record<string, string>>, ...args: string[]): Ended {
    return spawnSync(SNAPMOUNT, args, {
      cwd: this.directory,
      encoding: "utf8",
      timeout: LIMIT_MS,
      env: { ...process.env, ...environment },
    });
  }

  /** Starts snapmount. @param wrapper a program that starts it, with its arguments */
  start(args: readonly string[], wrapper: readonly string[] = []): Started {
    const [program, ...rest] = [...wrapper, SNAPMOUNT, ...args];
    const child = spawn(program!, rest, { cwd: this.directory, stdio: ["ignore", "pipe", "pipe"] });
    this.children.push(child);
    return new Started(child);
  }

  isMounted(name: string): boolean {
    return mountAt(this.path(name))?.type === "fuse.snapmount";
  }

  /** The daemon of a store, or undefined when nobody has it. */
  daemon(store: string): number | undefined {
    return existsSync(this.path(store)) ? lockOwner(this.path(store))?.pid : undefined;
  }

  async dispose(): Promise<void> {
    const daemons = readdirSync(this.directory).map((name) => this.daemonIfAny(name));
    for (const mount of mountsBelow(this.directory).reverse()) {
      execFileSync("umount", ["-l", mount.mountPoint]);
    }
    for (const child of this.children) child.kill("SIGKILL");
    for (const pid of daemons) if (pid !== undefined) await ended(pid, 5000, true);
    rmSync(this.directory, { recursive: true, force: true });
  }

  private daemonIfAny(name: string): number | undefined {
    try {
      return this.daemon(name);
    } catch {
      // Not a store.
      return undefined;
    }
  }
}

/** A command that is still running. */
export class Started {
  stderr = "";
  /** Exit code, or the signal's name. */
  readonly exit: Promise<number | string | null>;

  constructor(readonly child: ChildProcess) {
    child.stderr?.on("data", (bytes: Buffer) => {
      this.stderr += bytes;
    });
    this.exit = new Promise((resolve) => {
      child.once("close", (code, signal) => resolve(code ?? signal));
    });
  }
}

/** Waits until a process is gone. @param kill it when it takes longer. @returns whether it went by itself in time */
export async function ended(pid: number, milliseconds: number, kill = false): Promise<boolean> {
  const isGone = await until(() => !isRunning(pid), milliseconds);
  if (!isGone && kill) process.kill(pid, "SIGKILL");
  return isGone;
}

/** Polls. @returns whether the condition came true in time */
export async function until(condition: () => boolean, milliseconds = 10_000): Promise<boolean> {
  const deadline = Date.now() + milliseconds;
  while (!condition()) {
    if (Date.now() > deadline) return false;
    await sleep(20);
  }
  return true;
}
