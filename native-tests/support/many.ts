import { mkdirSync, writeFileSync } from "node:fs";
import { Catalog } from "../../src/store/catalog.js";
import { Metadata } from "../../src/store/metadata.js";
import { databasePath } from "../../src/store/reader.js";
import { CLEAN } from "../../src/store/recovery.js";

/** So many snapshots are recorded in one transaction. */
const BATCH = 2000;

/**
 * Makes a store with many small committed snapshots, as preparing and committing them one by one would, in less time. Each
 * tenth was made from the one before it, and holds a file.
 * @param directory exists and is empty
 */
export async function makeManySnapshots(directory: string, count: number): Promise<void> {
  mkdirSync(`${directory}/snapshots`, { mode: 0o700 });
  const metadata = new Metadata(databasePath(directory), false);
  metadata.checkSchema(directory);
  const catalog = new Catalog(metadata);
  for (let made = 0; made < count; made += BATCH) {
    metadata.transaction(() => {
      for (let i = made; i < Math.min(count, made + BATCH); i++) makeOne(directory, metadata, catalog, i);
      metadata.setSetting(CLEAN, "1");
    });
  }
  await metadata.durable();
  await metadata.close();
}

function makeOne(directory: string, metadata: Metadata, catalog: Catalog, number: number): void {
  const parent = number % 10 === 9 ? nameOf(number - 1) : undefined;
  const key = nameOf(number);
  const id = catalog.create({
    kind: "active",
    key,
    parent,
    labels: { number: String(number) },
    copy: undefined,
  });
  mkdirSync(`${directory}/snapshots/${id}`);
  if (number % 10 === 0) writeFileSync(`${directory}/snapshots/${id}/file`, key);
  catalog.commit(key, key, { number: String(number) }, { boot: "", mount: "" });
  catalog.flushed(id);
  catalog.counted(id, { inodes: number % 10 === 0 ? 2 : 1, size: 4096 });
  metadata.setWork(id, {});
}

/** The name of one of them. */
export function nameOf(number: number): string {
  return `snapshot-${String(number).padStart(7, "0")}`;
}
