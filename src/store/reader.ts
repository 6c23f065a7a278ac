import { Metadata } from "./metadata.js";
import type { Info, Kind, StoreReader } from "./types.js";

/** @returns the path of a store's database */
export function databasePath(directory: string): string {
  return `${directory}/metadata.mdb`;
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

  children(id: number): Info[] {
    this.metadata.refresh();
    return this.infos(this.metadata.childIds(id));
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
 */
export function openReader(directory: string): StoreReader {
  return new MetadataReader(new Metadata(databasePath(directory), false), directory, true);
}
