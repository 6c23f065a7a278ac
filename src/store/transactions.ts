import type { Database, RootDatabase } from "lmdb";
import { log } from "../base/log.js";
import { check, SysError } from "../sys/error.js";
import { fault } from "../sys/fault.js";
import type { Room } from "./room.js";
import { StoreError } from "./types.js";
import { whenVisible } from "./visible.js";

const trace = log("store");
/** ABORTABLE, SYNCHRONOUS_COMMIT and NO_SYNC_FLUSH of lmdb: rolled back when it throws, seen at once, flushed later. */
const TRANSACTION_FLAGS = 1 | 2 | 0x10000;

/** Setting that numbers the writes. */
const LAST_WRITE = "lastWrite";

/** How the metadata is written: when a change is seen, when it is on the disk, and what follows a failure. */
export class Transactions {
  private flushes = 0;
  /** Settles when the last write that is visible is on the disk, with all before it. */
  private lastCommit: Promise<unknown> = Promise.resolve();
  /** LMDB's threads that write: each is through with it somewhat later than it says that a write is committed. */
  private readonly writers = new Set<Promise<void>>();
  /** Something was written that LMDB does not flush by itself. */
  private isUnflushed = false;
  /** Calls of write() that are under way. */
  private writing = 0;

  /** @param room undefined for a database that is only read */
  constructor(
    private readonly root: RootDatabase<unknown, Buffer>,
    private readonly settings: Database<unknown, string>,
    private readonly room: Room | undefined,
  ) {}

  /**
   * Runs work in one write transaction; when it throws, nothing is changed. Visible when it resolves, on the disk after
   * durable(): LMDB flushes in a thread of its own, so that neither the caller nor this thread waits for the disk.
   * @param undo what work has done outside, undone from the last to the first when the transaction fails
   * @param ahead is done before work, while LMDB's thread begins the transaction; when it throws, nothing is changed
   */
  async write<T>(work: () => T, undo: readonly (() => void)[] = [], ahead?: () => void): Promise<T> {
    this.writing++;
    let made: { readonly number: number; readonly value: T } | undefined;
    const first = ahead && once(ahead);
    const committed = this.root.childTransaction(() => {
      first?.();
      const value = work();
      check(fault("transaction"), "writing", "the metadata");
      const number = ((this.settings.get(LAST_WRITE) as number | undefined) ?? 0) + 1;
      this.settings.putSync(LAST_WRITE, number);
      made = { number, value };
      return value;
    });
    this.follow(committed);
    // In the next turn, right after LMDB has told its thread to begin.
    if (first !== undefined) setImmediate(() => attempt(first));
    try {
      await whenVisible(committed, () => {
        if (made === undefined) return false;
        this.root.resetReadTxn();
        return ((this.settings.get(LAST_WRITE) as number | undefined) ?? 0) >= made.number;
      });
    } catch (error) {
      for (const step of undo.toReversed()) step();
      throw writeFailure(await causeOf(error));
    } finally {
      this.writing--;
    }
    // Only now: one that was rolled back says nothing of those before.
    this.lastCommit = committed;
    fault("transacted");
    if (this.writing === 0) this.room?.keep(this.root);
    return made!.value;
  }

  /** Notes that a thread of LMDB is at work, until it is through. */
  private follow(committed: Promise<unknown>): void {
    const writer = new Promise<void>((resolve) => {
      // Asked at once, this is of the last write. Of one that fails LMDB tells only by the other.
      this.root.flushed.then(() => resolve(), resolve);
      committed.catch(() => resolve());
    });
    this.writers.add(writer);
    void writer.then(() => this.writers.delete(writer));
  }

  /**
   * As write(), but this thread waits for the disk: for opening and mending a store, when nobody else waits.
   * @param undo what work has done outside, undone from the last to the first when the transaction fails
   */
  transaction<T>(work: () => T, undo: readonly (() => void)[] = []): T {
    let done: T;
    try {
      done = this.root.transactionSync(() => {
        const value = work();
        check(fault("transaction"), "writing", "the metadata");
        return value;
      }, TRANSACTION_FLAGS as never);
    } catch (error) {
      for (const step of undo.toReversed()) step();
      throw writeFailure(error);
    }
    this.isUnflushed = true;
    fault("transacted");
    this.room?.keep(this.root);
    return done;
  }

  /**
   * Resolves when all that was changed before is on the disk. What write() has written gets there by itself: a write of
   * its own would make the next one wait, since LMDB begins none while one is being flushed and another is to be.
   */
  async durable(): Promise<void> {
    check(fault("durable"), "flushing", "the metadata");
    if (this.isUnflushed) await this.flushAll();
    try {
      await this.lastCommit;
    } catch (error) {
      throw writeFailure(await causeOf(error));
    }
  }

  private async flushAll(): Promise<void> {
    this.isUnflushed = false;
    await this.room?.quiet(async () => {
      await this.settings.put("flushes", ++this.flushes);
      await this.root.flushed;
    });
  }

  /** Resolves when all threads of LMDB are through: its close() waits for the last one only, and frees what another one uses. */
  async end(): Promise<void> {
    await Promise.all(this.writers);
  }

  /** When the database is closed. */
  close(): void {
    this.room?.close();
  }
}

/** @returns does something when it is first called, and throws what that has thrown each time */
function once(step: () => void): () => void {
  let outcome: { readonly failure?: { readonly error: unknown } } | undefined;
  return () => {
    if (outcome === undefined) {
      outcome = {};
      try {
        step();
      } catch (error) {
        outcome = { failure: { error } };
      }
    }
    if (outcome.failure !== undefined) throw outcome.failure.error;
  };
}

/** Does something that somebody else will ask for too, who is told then if it fails. */
function attempt(step: () => void): void {
  try {
    step();
  } catch (error) {
    trace("what goes ahead of a write failed: %s", error);
  }
}

/** LMDB tells of a failed commit apart from what caused it. */
async function causeOf(error: unknown): Promise<unknown> {
  if (!(error instanceof Error && "commitError" in error)) return error;
  try {
    await error.commitError;
    return error;
  } catch (cause) {
    return cause;
  }
}

/** @returns the failure of a write as one of the system's: LMDB hands on its errno */
function writeFailure(error: unknown): unknown {
  const errno = error instanceof Error && "code" in error ? error.code : undefined;
  if (typeof errno !== "number" || errno <= 0 || error instanceof StoreError) return error;
  return new SysError(errno, "writing", "the metadata");
}
