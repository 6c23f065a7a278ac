import { readdirSync, readFileSync, writeSync } from "node:fs";
import { log } from "../base/log.js";
import { O_CLOEXEC, O_CREAT, O_RDWR } from "../sys/constants.js";
import { EACCES, EAGAIN, EIO, EPERM, EROFS } from "../sys/errno.js";
import { errnoText } from "../sys/error.js";
import { close, flock, openAt } from "../sys/file.js";
import { busy } from "./errors.js";
import { StoreError } from "./types.js";

const trace = log("store");

/** Room for the longest mountpoint (PATH_MAX), in bytes. */
const NOTE_BYTES = 8192;
const LOCK_EX = 2;
const LOCK_NB = 4;

/** Who has a store, and where it is mounted, unless a command works on it directly. */
export interface Owner extends Partial<Mounted> {
  readonly pid: number;
}

/** How a store is mounted. */
export interface Mounted {
  readonly mountpoint: string;
  readonly driver: string;
  /** Whether the kernel reads and writes files by itself. */
  readonly passthrough: boolean;
}

/** What a process has written is there for the next one as long as neither the boot nor the mount has changed. */
export interface Footing {
  readonly boot: string;
  readonly mount: string;
}

type Note = Partial<Owner & Footing>;

/** The lock of a store: held by one process, by an open file description, so that it goes with the process (flock(2)). */
export class StoreLock {
  private own: Note = { pid: process.pid };

  /** @param before what the last owner wrote down and did not take back */
  private constructor(
    private readonly fd: number,
    private readonly before: Note,
    private readonly isQuiet: boolean,
  ) {}

  /**
   * @param isQuiet leaves what is written down as it is, for who only looks
   * @throws StoreError Busy, which names who has it; Io when it cannot be made
   */
  static take(directory: string, isQuiet = false): StoreLock {
    const path = `${directory}/lock`;
    const fd = openAt(-100, Buffer.from(path).latin1Slice(), O_RDWR | O_CREAT | O_CLOEXEC, 0o600);
    if (fd < 0) throw cannotLock(directory, -fd);
    const code = flock(fd, LOCK_EX | LOCK_NB);
    if (code < 0) {
      close(fd);
      if (code === -EAGAIN) throw taken(directory, lockOwner(directory));
      throw cannotLock(directory, -code);
    }
    const lock = new StoreLock(fd, noteOf(directory), isQuiet);
    lock.tell({});
    return lock;
  }

  /**
   * Writes down in which boot and on which mount the store is used.
   * @returns whether the last owner died in the same, so that all that it wrote is there
   */
  takeOver(footing: Footing): boolean {
    this.tell(footing);
    return this.before.boot === footing.boot && this.before.mount === footing.mount;
  }

  /** Writes down more of who has the store. */
  tell(more: Note): void {
    this.own = { ...this.own, ...more };
    this.note(JSON.stringify(this.own));
  }

  release(): void {
    this.note("");
    close(this.fd);
  }

  /** Always of one length and in place, so that the file keeps its blocks and a full disk can be opened. */
  private note(text: string): void {
    if (this.isQuiet) return;
    const bytes = Buffer.alloc(NOTE_BYTES, " ");
    bytes.write(text);
    try {
      writeSync(this.fd, bytes, 0, NOTE_BYTES, 0);
    } catch (error) {
      // The lock holds all the same; who has it cannot be looked up then.
      trace("the owner is not written down: %s", error);
    }
  }
}

function cannotLock(directory: string, errno: number): StoreError {
  const remedy =
    errno === EROFS
      ? ": its file system is mounted read-only; remount it read-write"
      : errno === EACCES || errno === EPERM
        ? ": use a store of your own, or run as its owner"
        : "";
  return new StoreError(
    "Io",
    errno || EIO,
    `the store ${directory} cannot be locked (${errnoText(errno)})${remedy}`,
  );
}

function taken(directory: string, owner: Owner | undefined): StoreError {
  if (owner?.mountpoint !== undefined) {
    const where = `${owner.mountpoint} by process ${owner.pid}`;
    return busy(
      `the store ${directory} is mounted at ${where}: use it there, or first run: snapmount umount ${owner.mountpoint}`,
    );
  }
  const who = owner === undefined ? "another process" : `process ${owner.pid}`;
  return busy(`the store ${directory} is in use by ${who}: wait until that has ended`);
}

/** @returns who has a store, as far as it is written down; undefined when nobody has */
export function lockOwner(directory: string): Owner | undefined {
  const { boot: _, mount: __, pid, ...mounted } = noteOf(directory);
  return pid === undefined || !isRunning(pid) ? undefined : { pid, ...mounted };
}

function noteOf(directory: string): Note {
  try {
    const note: unknown = JSON.parse(readFileSync(`${directory}/lock`, "utf8").trim() || "null");
    return typeof note === "object" && note !== null && "pid" in note ? (note as Note) : {};
  } catch (error) {
    // Not there, not readable, or just being written: then nobody is known.
    if (error instanceof SyntaxError || (error as NodeJS.ErrnoException).code !== undefined) return {};
    throw error;
  }
}

/**
 * Whether a process holds anything. A zombie holds no lock and no descriptor any more, but has its pid until its parent
 * reaps it, which in a container may be never; and the first thread of a process looks like one while others still end.
 */
export function isRunning(pid: number): boolean {
  try {
    return readdirSync(`/proc/${pid}/task`).some((thread) => !isDead(`/proc/${pid}/task/${thread}/status`));
  } catch {
    return false;
  }
}

function isDead(status: string): boolean {
  try {
    return /^State:\s+[ZX]/m.test(readFileSync(status, "utf8"));
  } catch {
    return true;
  }
}
