import { closeSync, lstatSync, openSync, readlinkSync, rmSync, statSync, symlinkSync } from "node:fs";
import { dirname } from "node:path";
import { log } from "../base/log.js";
import { memoryOfUser, SHARED_MEMORY } from "./memory-directory.js";

const trace = log("store");

/**
 * Where LMDB notes who reads: a file beside the database that it maps, and that every reader writes to. Each time the
 * file system has brought that file to the disk, which every commit makes it do, the next one who reads waits until the
 * journal takes one more change (page_mkwrite in the kernel): 7 to 20 ms of `ls active` right after mv. Nothing in it
 * outlives a process, so it is kept in memory, and a symbolic link leads there. To be used by who has the store's lock,
 * or knows that nobody has it.
 */
export class ReaderTable {
  private constructor(
    private readonly link: string,
    private readonly file: string,
  ) {}

  /**
   * Sees to it that LMDB will find its file in memory; where there is no place for it, it stays beside the database.
   * @param database path of the database file
   * @param memory a directory of a tmpfs, in which each user has one
   */
  static place(database: string, memory = SHARED_MEMORY): ReaderTable | undefined {
    const link = `${database}-lock`;
    try {
      const directory = memoryOfUser(memory);
      if (directory === undefined) return undefined;
      const { dev, ino } = statSync(dirname(database), { bigint: true });
      const table = new ReaderTable(link, `${directory}/${dev}-${ino}`);
      closeSync(openSync(table.file, "a", 0o600));
      if (table.isLinked()) return table;
      rmSync(link, { force: true });
      symlinkSync(table.file, link);
      return table;
    } catch (error) {
      if (!(error instanceof Error && "code" in error)) throw error;
      trace("the table of readers stays at %s: %s", link, error.message);
      return undefined;
    }
  }

  private isLinked(): boolean {
    const found = lstatSync(this.link, { throwIfNoEntry: false });
    return found?.isSymbolicLink() === true && readlinkSync(this.link) === this.file;
  }

  /** When the database is closed. */
  remove(): void {
    rmSync(this.link, { force: true });
    rmSync(this.file, { force: true });
  }
}
