import assert from "node:assert/strict";
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readlinkSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, it } from "node:test";
import { Metadata } from "../src/store/metadata.js";
import { openReader } from "../src/store/reader.js";
import { ReaderTable } from "../src/store/reader-table.js";

describe("LMDB's table of readers", () => {
  let directory: string;
  let memory: string;
  let database: string;
  let link: string;

  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), "snapmount-readers-"));
    memory = mkdtempSync("/dev/shm/snapmount-test-");
    database = join(directory, "metadata.mdb");
    link = `${database}-lock`;
  });
  afterEach(() => {
    rmSync(directory, { recursive: true });
    rmSync(memory, { recursive: true });
  });

  it("is in memory while the database is open, and nowhere afterwards", async () => {
    const table = ReaderTable.place(database, memory);
    const metadata = new Metadata(database, false, true, table);
    const file = readlinkSync(link);
    assert.ok(file.startsWith(`${memory}/snapmount-`), file);
    assert.ok(lstatSync(file).size > 0, "LMDB has it");
    await metadata.close();
    assert.equal(lstatSync(link, { throwIfNoEntry: false }), undefined);
    assert.equal(existsSync(file), false);
  });

  it("takes the place of one on the disk, of one that a crash has left, and of one that leads elsewhere", () => {
    writeFileSync(link, "old");
    const file = (): string => {
      assert.notEqual(ReaderTable.place(database, memory), undefined);
      assert.ok(lstatSync(readlinkSync(link)).isFile());
      return readlinkSync(link);
    };
    const first = file();
    // As after a reboot.
    rmSync(join(memory, `snapmount-${process.geteuid!()}`), { recursive: true });
    assert.equal(file(), first);
    const other = mkdtempSync("/dev/shm/snapmount-test-");
    const elsewhere = ReaderTable.place(database, other);
    assert.notEqual(readlinkSync(link), first);
    elsewhere?.remove();
    rmSync(other, { recursive: true });
  });

  it("is where the next one finds it while a process reads that has not got the store's lock", async () => {
    await new Metadata(database, false).close();
    const reader = openReader(directory, true);
    const file = readlinkSync(link);
    const next = ReaderTable.place(database);
    assert.equal(readlinkSync(link), file);
    reader.close();
    assert.ok(existsSync(file), "the next one's now");
    next?.remove();
  });

  it("stays on the disk where others could reach it in memory, and where there is no memory", () => {
    const own = join(memory, `snapmount-${process.geteuid!()}`);
    mkdirSync(own);
    chmodSync(own, 0o755);
    assert.equal(ReaderTable.place(database, memory), undefined);
    assert.equal(ReaderTable.place(database, "/proc/self"), undefined);
    assert.equal(ReaderTable.place(database, join(memory, "missing")), undefined);
    assert.equal(lstatSync(link, { throwIfNoEntry: false }), undefined);
  });
});
