import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, mkdtempSync, openSync, realpathSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { describeHolders, findHolders } from "../src/daemon/holders.js";

test("a process is named by what it has open or where it works", async () => {
  const dir = realpathSync(mkdtempSync(join(tmpdir(), "snapmount-holders-")));
  const fd = openSync(join(dir, "file"), "w");
  const opener = spawn("sleep", ["60"], { stdio: ["ignore", "ignore", "ignore", fd] });
  const worker = spawn("sleep", ["60"], { cwd: dir, stdio: "ignore" });
  try {
    await Promise.all([once(opener, "spawn"), once(worker, "spawn")]);
    const found = findHolders(dir).sort((a, b) => (a.pid ?? 0) - (b.pid ?? 0));
    assert.deepEqual(
      found,
      [
        { pid: opener.pid, command: "sleep", what: `has ${dir}/file open` },
        { pid: worker.pid, command: "sleep", what: `works in ${dir}` },
      ].sort((a, b) => a.pid! - b.pid!),
    );
    assert.match(describeHolders(found), new RegExp(`sleep \\(pid ${worker.pid}\\) works in ${dir}`));
    assert.deepEqual(findHolders(`${dir}-other`), []);
  } finally {
    closeSync(fd);
    const gone = [once(opener, "exit"), once(worker, "exit")];
    opener.kill();
    worker.kill();
    await Promise.all(gone);
    rmSync(dir, { recursive: true });
  }
});

test("nobody to be seen is said so", () => {
  assert.match(describeHolders([]), /try again as root/);
});
