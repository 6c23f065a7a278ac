import assert from "node:assert/strict";
import { mkdirSync, readFileSync, statSync } from "node:fs";
import { after, it } from "node:test";
import { CommandLine, until } from "./support/command-line.js";

const line = new CommandLine();
after(() => line.dispose());

it("the kernel may read ahead a whole MiB", async () => {
  mkdirSync(line.path("store"), { mode: 0o700 });
  mkdirSync(line.path("mnt"));
  const daemon = line.start(["store", "mnt", "-f", "-o", "nopassthrough"]);
  assert.ok(await until(() => line.isMounted("mnt")), daemon.stderr);
  // Major 0, since there is no device; the minor number lies around it.
  const { dev } = statSync(line.path("mnt"));
  const file = `/sys/class/bdi/0:${(dev & 0xff) | ((dev >>> 12) & ~0xff)}/read_ahead_kb`;
  const readahead = (): number => Number(readFileSync(file, "latin1"));
  assert.ok(await until(() => readahead() === 1024), `${readahead()} KiB`);
  assert.equal(line.run("umount", "mnt").status, 0);
  assert.equal(await daemon.exit, 0);
});
