import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdirSync, readFileSync, statSync } from "node:fs";
import { after, it } from "node:test";
import { CommandLine, until } from "./support/command-line.js";

const MIB = 2 ** 20;
const FILE_MIB = 16;

const line = new CommandLine();
after(() => line.dispose());
mkdirSync(line.path("store"), { mode: 0o700 });
mkdirSync(line.path("mnt"));
const daemon = line.start(["store", "mnt", "-f", "-o", "nopassthrough"]);

it("the kernel keeps what was read, until the file is changed natively", async () => {
  assert.ok(await until(() => line.isMounted("mnt")), daemon.stderr);
  const file = line.path("mnt/active/web/file");
  const sh = (command: string): string => execFileSync("sh", ["-c", command], { encoding: "latin1" });
  sh(
    `mkdir '${line.path("mnt/active/web")}'; dd if=/dev/zero of='${file}' bs=1M count=${FILE_MIB} status=none; sleep 0.1`,
  );
  const native = `${sh(`cat '${line.path("mnt/info/active/web/path")}'`).trimEnd()}/file`;
  /** MiB that the daemon reads meanwhile. */
  const asked = (work: () => void): number => {
    const read = (): number =>
      Number(/^rchar: (\d+)$/m.exec(readFileSync(`/proc/${daemon.child.pid}/io`, "latin1"))?.[1]);
    const before = read();
    work();
    return (read() - before) / MIB;
  };
  const look = (): string => sh(`head -c 3 '${file}'; cat '${file}' | tail -c 3`);
  assert.ok(asked(look) >= FILE_MIB);
  assert.ok(asked(look) < 1);
  sh(`printf new | dd of='${native}' conv=notrunc status=none; printf end >> '${native}'`);
  assert.equal(look(), "newend");
});

it("the kernel may read ahead a whole MiB", async () => {
  assert.ok(await until(() => line.isMounted("mnt")), daemon.stderr);
  // Major 0, since there is no device; the minor number lies around it.
  const { dev } = statSync(line.path("mnt"));
  const file = `/sys/class/bdi/0:${(dev & 0xff) | ((dev >>> 12) & ~0xff)}/read_ahead_kb`;
  const readahead = (): number => Number(readFileSync(file, "latin1"));
  assert.ok(await until(() => readahead() === 1024), `${readahead()} KiB`);
  assert.equal(line.run("umount", "mnt").status, 0);
  assert.equal(await daemon.exit, 0);
});
