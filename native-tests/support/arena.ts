import assert from "node:assert/strict";
import { execFileSync, type SpawnSyncReturns, spawnSync } from "node:child_process";
import { chmodSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { DriverName } from "../../src/daemon/request.js";
import { type FileSystemType, type Image, makeImage } from "./image.js";
import type { TestUser } from "./test-user.js";

const REPOSITORY = fileURLToPath(new URL("../../..", import.meta.url));
/** The program, for node. */
export const SNAPMOUNT = join(REPOSITORY, "dist/src/cli/main.js");
const PROGRAMS = join(REPOSITORY, "native-tests/programs");
/** Python of the system: 3.9 or later, standard library only. */
const PYTHON = "/usr/bin/python3";
const PROGRAM_LIMIT_MS = 300_000;
const DIFFERENCES_SHOWN = 25;
const DISK_BYTES = 3 * 2 ** 30;

export interface ArenaOptions {
  readonly type?: FileSystemType;
  /** Bytes. */
  readonly size?: number;
  /** Of the file system that holds the store. */
  readonly mountOptions?: string;
  /** Of `snapmount -o`. */
  readonly options?: readonly string[];
  /** `snapmount --driver`; default kernel. */
  readonly driver?: DriverName;
  /** Who mounts and works in it; default root. */
  readonly user?: TestUser;
}

/** A mounted store on a file system of its own, beside native directories of that same file system. */
export class Arena {
  readonly #directory: string;
  readonly #image: Image;
  readonly #driver: DriverName;
  readonly #user: TestUser | undefined;
  readonly mnt: string;
  readonly store: string;
  #count = 0;

  constructor(options: ArenaOptions = {}) {
    this.#directory = mkdtempSync(join(tmpdir(), "snapmount-test-"));
    chmodSync(this.#directory, 0o755);
    const { type = "ext4", size = DISK_BYTES, mountOptions } = options;
    this.#driver = options.driver ?? "kernel";
    this.#user = options.user;
    this.#image = makeImage(type, this.#directory, "disk", size, mountOptions);
    this.mnt = join(this.#directory, "mnt");
    this.store = join(this.#image.path, "store");
    try {
      mkdirSync(this.mnt, { mode: 0o755 });
      mkdirSync(this.store, { mode: 0o700 });
      for (const path of [this.mnt, this.store]) this.#user?.own(path);
      this.mount(options.options ?? []);
    } catch (error) {
      this.#image.close();
      rmSync(this.#directory, { recursive: true });
      throw error;
    }
  }

  mount(options: readonly string[]): void {
    const given = options.length > 0 ? ["-o", options.join(",")] : [];
    this.#snapmount([this.store, this.mnt, `--driver=${this.#driver}`, ...given]);
  }

  unmount(): void {
    this.#snapmount(["umount", this.mnt]);
  }

  #snapmount(args: readonly string[]): void {
    const { status, stderr } = this.#as(process.execPath, [this.#reach(SNAPMOUNT), ...args]);
    assert.equal(status, 0, stderr);
  }

  /** A path by which whoever works in the mount can read a file of the repository. */
  #reach(file: string): string {
    return this.#user?.reach(file, REPOSITORY) ?? file;
  }

  /** Runs a program as whoever works in the mount. */
  #as(
    program: string,
    args: readonly string[],
    environment: Readonly<Record<string, string>> = {},
  ): SpawnSyncReturns<string> {
    const [command, ...rest] = [...(this.#user?.prefix ?? []), program, ...args];
    return spawnSync(command!, rest, {
      cwd: "/",
      encoding: "utf8",
      timeout: PROGRAM_LIMIT_MS,
      maxBuffer: 64 * 2 ** 20,
      env: { ...process.env, LC_ALL: "C", ...this.#user?.environment, ...environment },
    });
  }

  close(): void {
    this.unmount();
    this.#image.close();
    rmSync(this.#directory, { recursive: true });
  }

  /** A new native directory beside the store. */
  nativeDirectory(name: string): string {
    const path = join(this.#image.path, `native-${name}-${this.#count++}`);
    mkdirSync(path, { mode: 0o755 });
    this.#user?.own(path);
    return path;
  }

  /** A new active entry. @returns its path on the mount */
  entry(name: string): string {
    const path = join(this.mnt, "active", `${name}-${this.#count++}`);
    mkdirSync(path, { mode: 0o755 });
    return path;
  }

  /** The native directory of an entry. @param entry as `active/web` */
  nativePath(entry: string): string {
    return this.sh(`cat 'info/${entry}/path'`).trimEnd();
  }

  /** Runs a shell command in mnt. @returns its output; fails the test when it fails */
  sh(command: string): string {
    const { status, stdout, stderr } = this.shell(command);
    assert.equal(status, 0, `${command}\n${stderr}`);
    return stdout;
  }

  /** Runs a shell command in mnt. @returns what it says on stderr when it fails, "" when it succeeds */
  says(command: string): string {
    const { status, stderr } = this.shell(command);
    return status === 0 ? "" : stderr;
  }

  /** Runs a shell command in mnt. */
  shell(command: string): SpawnSyncReturns<string> {
    return this.#as("sh", ["-ec", `cd '${this.mnt}'\n${command}`]);
  }

  /** Runs a step program. */
  program(name: string, ...args: string[]): SpawnSyncReturns<string> {
    const program = this.#reach(join(PROGRAMS, `${name}.py`));
    return this.#as(PYTHON, [program, ...args], { PYTHONDONTWRITEBYTECODE: "1", LC_ALL: "C.UTF-8" });
  }

  /**
   * Runs a step program in a native directory and in an entry, and fails unless both print the same.
   *
   * @param declared lines that may differ, because the kernel's FUSE client decides them: each with its reason
   */
  compare(name: string, args: readonly string[] = [], declared: readonly Declared[] = []): void {
    const native = this.nativeDirectory(name);
    const entry = this.entry(name);
    const peer = this.nativePath(entry.slice(this.mnt.length + 1));
    const [expected, actual] = [
      this.#lines(this.program(name, native, native, ...args)),
      this.#lines(this.program(name, entry, peer, ...args)),
    ];
    const differences = expected.flatMap((line, i) =>
      line === actual[i] || declared.some((d) => d.step.test(line))
        ? []
        : [`  native    ${line}\n  snapmount ${actual[i] ?? "(nothing)"}`],
    );
    execFileSync("rm", ["-rf", native, entry]);
    assert.ok(expected.length > 0, `${name}.py printed nothing`);
    assert.equal(
      differences.length,
      0,
      `${differences.length} of ${expected.length} steps of ${name}.py differ:\n${differences.slice(0, DIFFERENCES_SHOWN).join("\n")}`,
    );
    assert.equal(actual.length, expected.length, `${name}.py printed more lines on the mount`);
  }

  #lines(result: SpawnSyncReturns<string>): string[] {
    assert.equal(
      result.status,
      0,
      `the program failed (${result.signal ?? result.status}): ${result.stderr}`,
    );
    return result.stdout.trimEnd().split("\n");
  }
}

/** A difference that the kernel's FUSE client makes by itself, so that no server can avoid it. */
export interface Declared {
  readonly step: RegExp;
  readonly reason: string;
}
