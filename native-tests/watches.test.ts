import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import * as fs from "node:fs";
import { after, describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { Arena } from "./support/arena.js";
import { CommandLine, until } from "./support/command-line.js";

/** Longer than without a watch, and until a change is old enough for one, in ms. */
const LATER = 1200;
/** In how many rounds what is looked at again comes to be kept: names are watched, then directories as well. */
const LOOKS = 4;

describe("what is looked at again and again", () => {
  const arena = new Arena();
  after(() => arena.close());
  for (const seed of [1, 2])
    it(`shows what is changed natively and here, seed ${seed}`, () =>
      arena.compare("watched", [String(seed), "2"]));
});

describe("a directory that is looked at again and again", async () => {
  const line = new CommandLine();
  after(() => line.dispose());
  fs.mkdirSync(line.path("store"), { mode: 0o700 });
  fs.mkdirSync(line.path("mnt"));
  const daemon = line.start(["store", "mnt", "-f"]);
  assert.ok(await until(() => line.isMounted("mnt")), daemon.stderr);
  const pid = daemon.child.pid!;
  const entry = line.path("mnt/active/web");
  execFileSync("mkdir", [entry]);
  const native = execFileSync("cat", [line.path("mnt/info/active/web/path")], { encoding: "utf8" }).trim();

  /** What a shell says of names while nobody answers the kernel; undefined when it has to ask. */
  const unasked = (command: string): string | undefined => {
    const shell = `cd '${entry}/d' && kill -STOP ${pid} && timeout -s KILL 3 sh -c '${command}'; kill -CONT ${pid}`;
    const { stdout, stderr } = spawnSync("sh", ["-c", shell], { encoding: "utf8" });
    return /Killed/.test(stderr) ? undefined : stdout + stderr;
  };
  const look = async (times: number): Promise<void> => {
    for (let i = 0; i < times; i++) {
      execFileSync("sh", ["-c", `cd '${entry}/d' && ls -l . sub && ! stat absent`], { stdio: "ignore" });
      await sleep(LATER);
    }
  };
  const LOOK = "stat -c %a sub sub/file file link . && ! test -e absent && echo none";

  it("is not asked for any more, and changes show all the same", async () => {
    fs.mkdirSync(`${native}/d/sub`, { recursive: true });
    for (const file of ["file", "sub/file"]) fs.writeFileSync(`${native}/d/${file}`, "text");
    fs.symlinkSync("file", `${native}/d/link`);
    await sleep(LATER);
    await look(1);
    assert.equal(unasked(LOOK), undefined, "what is looked at once is asked for");
    await look(LOOKS);
    assert.equal(unasked(LOOK), "755\n644\n644\n777\n755\nnone\n");
    fs.chmodSync(`${native}/d/file`, 0o600);
    fs.renameSync(`${native}/d/sub/file`, `${native}/d/absent`);
    const isShown = (): boolean =>
      execFileSync("sh", ["-c", `cd '${entry}/d'; stat -c %a file absent sub/file 2>&1 || true`], {
        encoding: "utf8",
      }).startsWith("600\n644\nstat: ");
    assert.ok(await until(isShown));
  });
});
