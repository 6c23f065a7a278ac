import assert from "node:assert/strict";
import { closeSync, constants, mkdtempSync, openSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, it } from "node:test";
import { setImmediate } from "node:timers/promises";
import { isClosedForWriting, isOpenForWriting, takeLease } from "../src/sys/lease.js";

const directory = mkdtempSync(join(tmpdir(), "snapmount-lease-"));
const path = join(directory, "file");
writeFileSync(path, "content");
after(() => rmSync(directory, { recursive: true }));

it("isOpenForWriting() is true while somebody has the file open for writing", () => {
  const reader = openSync(path, "r");
  assert.equal(isOpenForWriting(reader), false);
  const writer = openSync(path, "r+");
  assert.equal(isOpenForWriting(reader), true);
  closeSync(writer);
  assert.equal(isOpenForWriting(reader), false);
  closeSync(reader);
});

it("isClosedForWriting() is true when nobody has it, and false when that cannot be known", () => {
  const reader = openSync(path, "r");
  assert.equal(isClosedForWriting(reader), true);
  assert.equal(isClosedForWriting(reader), true, "the lease was given up");
  const writer = openSync(path, "r+");
  assert.equal(isClosedForWriting(reader), false);
  closeSync(writer);
  closeSync(reader);
  const folder = openSync(directory, "r");
  assert.equal(isClosedForWriting(folder), false);
  closeSync(folder);
});

it("takeLease() lets nobody end the process by opening the file at that moment", async () => {
  const reader = openSync(path, "r");
  assert.equal(takeLease(reader), 0);
  assert.throws(() => openSync(path, constants.O_WRONLY | constants.O_NONBLOCK), { code: "EAGAIN" });
  // The signal has come; by default it is SIGIO, which ends a process.
  await setImmediate();
  closeSync(reader);
});
