import { closeSync, fstatSync, openSync, readSync } from "node:fs";

// The head of an LMDB file (mdb.c: MDB_page_header, MDB_meta, MDB_db, with MDB_DATA_VERSION 2), offsets in bytes.
const PAGE_HEADER = 24;
const FLAGS = 18;
const P_META = 0x08;
const MAGIC = 0xbeefc0de;
const DATA_VERSION = 2;
const PAGE_SIZE = PAGE_HEADER + 24;
const ROOTS = [PAGE_HEADER + 64, PAGE_HEADER + 112];
const TRANSACTION = PAGE_HEADER + 128;
const HEAD = TRANSACTION + 8;
const NO_PAGE = 0xffffffffffffffffn;

/**
 * Looks at a database before LMDB does, which a file that is none makes crash, and one that ends early later.
 * @returns what is wrong with it, or undefined; one that is missing or empty is made anew
 * @throws as fs
 */
export function databaseDamage(path: string): string | undefined {
  let fd: number;
  try {
    fd = openSync(path, "r");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
  try {
    const { size } = fstatSync(fd);
    return size === 0 ? undefined : headDamage(fd, size);
  } finally {
    closeSync(fd);
  }
}

function headDamage(fd: number, size: number): string | undefined {
  const first = Buffer.alloc(HEAD);
  const second = Buffer.alloc(HEAD);
  if (readSync(fd, first, 0, HEAD, 0) < HEAD) return "it ends within its head";
  const pageSize = first.readUInt32LE(PAGE_SIZE);
  for (const [number, page] of [first, second].entries()) {
    if (number === 1 && readSync(fd, page, 0, HEAD, pageSize) < HEAD) return "it ends within its head";
    const isMeta = (page.readUInt16LE(FLAGS) & P_META) !== 0 && page.readUInt32LE(PAGE_HEADER) === MAGIC;
    if (!isMeta) return "its head is not that of a database";
    const version = page.readUInt32LE(PAGE_HEADER + 4);
    if (version !== DATA_VERSION) return `its format is ${version} instead of ${DATA_VERSION}`;
  }
  const newest = first.readBigUInt64LE(TRANSACTION) >= second.readBigUInt64LE(TRANSACTION) ? first : second;
  const isThere = ROOTS.every((at) => {
    const root = newest.readBigUInt64LE(at);
    return root === NO_PAGE || (root + 1n) * BigInt(pageSize) <= BigInt(size);
  });
  return isThere ? undefined : "it ends too early";
}
