import { EIO } from "../sys/errno.js";
import { databaseDamage } from "./database-file.js";
import { Metadata } from "./metadata.js";
import { ReaderTable } from "./reader-table.js";
import { type Info, type Kind, StoreError, type StoreReader } from "./types.js";

/** @returns the path of a store's database */
export function databasePath(directory: string): string {
  return `${directory}/metadata.mdb`;
}

/**
 * Opens the metadata of a store whose lock this process has.
 * @param isTrusted see Metadata
 * @throws StoreError that says what is wrong with the database, and what to do
 */
export function openMetadata(directory: string, isTrusted: boolean): Metadata {
  const path = databasePath(directory);
  const refused = (why: string): StoreError =>
    new StoreError(
      "Io",
      EIO,
      `the metadata of the store ${directory} cannot be read, ${why}: put ${path} back from a backup; the snapshots themselves are unharmed in ${directory}/snapshots`,
    );
  let readers: ReaderTable | undefined;
  try {
    const damage = databaseDamage(path);
    if (damage !== undefined) throw refused(damage);
    readers = ReaderTable.place(path);
    return new Metadata(path, false, isTrusted, readers);
  } catch (error) {
    readers?.remove();
    if (error instanceof StoreError) throw error;
    throw refused(error instanceof Error ? error.message : String(error));
  }
}

/** Reads the metadata, in whatever thread: always the latest committed state. */
export class MetadataReader implements StoreReader {
  constructor(
    private readonly metadata: Metadata,
    readonly directory: string,
    private readonly own: boolean,
  ) {}

  get(kind: Kind, key: string): Info | undefined {
    this.metadata.refresh();
    const id = this.metadata.find(kind, key);
    return id === undefined ? undefined : this.metadata.info(id);
  }

  getById(id: number): Info | undefined {
    this.metadata.refresh();
    return this.metadata.info(id);
  }

  list(kind: Kind, after: string | undefined, limit: number): Info[] {
    this.metadata.refresh();
    return this.infos(this.metadata.ids(kind, after, limit));
  }

  children(id: number, after?: number, limit?: number): Info[] {
    this.metadata.refresh();
    return this.infos(this.metadata.childIds(id, limit, after));
  }

  hasChildren(id: number): boolean {
    this.metadata.refresh();
    return this.metadata.childIds(id, 1).length > 0;
  }

  getSetting(name: string): string | undefined {
    this.metadata.refresh();
    return this.metadata.setting(name);
  }

  close(): void {
    if (!this.own) return;
    // A reader has nothing to write, so there is nothing to wait for.
    void this.metadata.close();
  }

  private infos(ids: readonly number[]): Info[] {
    return ids.map((id) => this.metadata.info(id)).filter((info) => info !== undefined);
  }
}

/**
 * Opens the metadata of a store that this process has open, for another thread.
 * @param directory absolute path of the store
 * @param readOnly for a process that has not even its lock: it sees what was last committed, and changes nothing
 */
export function openReader(directory: string, readOnly = false): StoreReader {
  const path = databasePath(directory);
  // Whoever opens the store meanwhile must see that this one reads; it is theirs to remove.
  if (readOnly) ReaderTable.place(path);
  return new MetadataReader(new Metadata(path, readOnly), directory, true);
}
