import { closeSync, fstatSync, openSync, writeSync } from "node:fs";
import type { RootDatabase } from "lmdb";
import { log } from "../base/log.js";

const trace = log("store");
/** Room that there always is, in bytes: more than any transaction takes. */
const MARGIN = 1 << 20;
/** So many transactions take much less than the margin, and looking costs something. */
const EVERY = 16;
/** So much more is made when there is less. */
const PIECE = 4 << 20;

/**
 * Room in the database's file for what is written next: pages that have been written once already. Flushing a file that
 * grows means committing the file system's journal, and on ext4 all data of all other files that were just made with it:
 * while a tree was being copied each mkdir would wait for that. Flushing a file that has its blocks does not. On a full
 * disk it is also what snapshots can still be removed with.
 */
export class Room {
  private readonly fd: number;
  private end: number;
  private writers = 0;
  private asked = 0;

  /** @param path of the database, which is there */
  constructor(path: string) {
    this.fd = openSync(path, "r+");
    this.end = fstatSync(this.fd).size;
  }

  /** Makes room when there is little. To be called when no transaction is under way. */
  keep(root: RootDatabase<unknown, Buffer>): void {
    // A thread of LMDB's own may be writing at the very end.
    if (this.writers > 0 || this.asked++ % EVERY !== 0) return;
    const { lastPageNumber, pageSize } = root.getStats() as { lastPageNumber: number; pageSize: number };
    const used = (lastPageNumber + 1) * pageSize;
    if (used + MARGIN <= this.end) return;
    this.end = Math.max(fstatSync(this.fd).size, used);
    try {
      writeSync(this.fd, Buffer.alloc(PIECE), 0, PIECE, this.end);
      this.end += PIECE;
    } catch (error) {
      // LMDB makes its file longer by itself as long as it can.
      trace("no room is made for the metadata: %s", error);
    }
  }

  /** Makes no room while work lets LMDB write in a thread of its own. */
  async quiet(work: () => Promise<void>): Promise<void> {
    this.writers++;
    try {
      await work();
    } finally {
      this.writers--;
    }
  }

  close(): void {
    closeSync(this.fd);
  }
}
