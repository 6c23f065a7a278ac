import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { afterEach, beforeEach, describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { Arena } from "./support/arena.js";

const SCRIPTS = fileURLToPath(new URL("../../native-tests/shell/", import.meta.url));
const STORE_BYTES = 300 * 2 ** 20;
const LIMIT_MS = 120_000;

/** What a user of a plain shell sees; the output of the scripts reads as a specification (SNAPMOUNT_SHOW=1 prints it). */
describe("by shell", () => {
  let arena: Arena;
  beforeEach(() => {
    arena = new Arena({ size: STORE_BYTES });
  });
  afterEach(() => arena.close());

  /** @param least statements that it makes: fewer means that it ended early */
  function run(script: string, least: number): void {
    const result = spawnSync("sh", [SCRIPTS + script], {
      cwd: arena.mnt,
      encoding: "utf8",
      timeout: LIMIT_MS,
      env: { ...process.env, STORE: arena.store },
    });
    if (process.env["SNAPMOUNT_SHOW"] !== undefined) console.log(result.stdout);
    const lines = result.stdout.split("\n");
    const wrong = lines.filter((line, i) => /^ {2}WRONG|^ {8}/.test(line) && i >= 0);
    assert.equal(wrong.join("\n"), "");
    assert.equal(result.stderr, "");
    assert.equal(result.status, 0);
    const made = lines.filter((line) => line.startsWith("  ok ")).length;
    assert.ok(made >= least, `${script} makes ${made} statements`);
    assert.equal(arena.sh("ls active committed views | grep -v : | tr -d '\\n'"), "");
  }

  it("every row of the mounted tree's table", () => run("namespace.sh", 150));
  it("every file of info/", () => run("info.sh", 70));
});
