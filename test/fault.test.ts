import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { EIO, ENOSPC } from "../src/sys/errno.js";
import { faultPlan } from "../src/sys/fault-plan.js";

const directory = mkdtempSync(join(tmpdir(), "snapmount-fault-"));
after(() => rmSync(directory, { recursive: true }));
const fileModule = new URL("../src/sys/file.js", import.meta.url).href;

/** Runs a program with a plan in its environment. @returns what it prints */
function run(plan: string, code: string): string {
  return execFileSync(process.execPath, ["--input-type=module", "-e", code], {
    encoding: "utf8",
    env: { ...process.env, SNAPMOUNT_FAULT: plan },
  }).trim();
}

describe("the plan of faults", () => {
  it("is none without a word", () => {
    assert.equal(faultPlan(undefined), undefined);
    assert.equal(faultPlan(""), undefined);
  });

  it("says which rule it does not understand", () => {
    for (const text of ["renameat2", "renameat2=NOTHING", "renameat2@x=EIO", "*=delay", "a b=EIO"])
      assert.throws(() => faultPlan(text), new RegExp(`SNAPMOUNT_FAULT: ${text.replace("*", "\\*")}`));
  });

  it("fails every call, the Nth, or those from the Nth on, and no other operation", () => {
    const program = `import { syncFs, sync, truncateFd } from ${JSON.stringify(fileModule)};
      const codes = [1, 2, 3].map(() => [syncFs(-1), sync(-1), truncateFd(-1, 0)].join(" "));
      console.log(codes.join(", "));`;
    assert.equal(
      run("syncfs@2=EIO,fsync@2+=ENOSPC", program),
      `-9 -9 -9, ${-EIO} ${-ENOSPC} -9, -9 ${-ENOSPC} -9`,
    );
    assert.equal(run("*=EIO", program), "-5 -5 -5, -5 -5 -5, -5 -5 -5");
  });

  it("counts the calls of all threads together", () => {
    const program = `import { Worker } from "node:worker_threads";
      import { once } from "node:events";
      import { sync } from ${JSON.stringify(fileModule)};
      const code = 'Promise.all([import(${JSON.stringify(fileModule)}), import("node:worker_threads")])' +
        '.then(([file, { parentPort }]) => parentPort.postMessage(file.sync(-1)))';
      const codes = [sync(-1)];
      for (let i = 0; i < 2; i++) codes.push((await once(new Worker(code, { eval: true }), "message"))[0]);
      console.log([...codes, sync(-1)].join(" "));`;
    assert.equal(run("fsync@3=EIO", program), "-9 -9 -5 -9");
  });

  it("follows a file that changes, and counts anew", () => {
    const path = join(directory, "plan");
    const hook = faultPlan(path)!;
    assert.equal(hook("fsync"), 0);
    for (let i = 0; i < 2; i++) {
      writeFileSync(path, "fsync@2=EIO\n");
      assert.deepEqual([hook("fsync"), hook("fsync"), hook("fsync")], [0, -EIO, 0]);
      writeFileSync(path, "fsync=ENOSPC");
      assert.equal(hook("fsync"), -ENOSPC);
    }
    rmSync(path);
    assert.equal(hook("fsync"), 0);
  });

  it("traces what changes something, and kills before a call", () => {
    const trace = join(directory, "trace");
    const program = `import { openAt, sync, truncateFd } from ${JSON.stringify(fileModule)};
      openAt(-100, ${JSON.stringify(directory)}, 0);
      sync(-1); truncateFd(-1, 0); console.log("alive"); sync(-1); console.log("not reached");`;
    const hasDied = (error: { signal?: string; stdout?: string }): boolean =>
      error.signal === "SIGKILL" && error.stdout === "alive\n";
    assert.throws(() => run(`change=trace:${trace},fsync@2=kill`, program), hasDied);
    assert.equal(readFileSync(trace, "utf8"), "fsync\nftruncate\nfsync\n");
  });
});
