import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, it } from "node:test";
import { CommandLine, until } from "./support/command-line.js";

const FILES = 30_000;
/** What 500,000 files may cost beyond an idle daemon, in proportion, and room for what V8 has not collected yet. */
const MOST_GROWTH_KIB = (FILES / 500_000) * 200 * 1024 + 48 * 1024;
/** 512 directories, 32 of them being listed, and what the daemon needs itself. */
const MOST_DESCRIPTORS = 640;

const line = new CommandLine();
after(() => line.dispose());

function residentKib(pid: number): number {
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, "latin1"))?.[1]);
}

function descriptors(pid: number): number {
  return readdirSync(`/proc/${pid}/fd`).length;
}

/** Makes FILES files, a hundred a directory. */
function fill(directory: string): void {
  for (let i = 0; i < FILES; i++) {
    const below = join(directory, String(Math.floor(i / 10_000)), String(Math.floor(i / 100) % 100));
    if (i % 100 === 0) mkdirSync(below, { recursive: true });
    writeFileSync(join(below, `file-${i}`), "");
  }
}

it("a find over many files costs bounded memory and descriptors, and what the kernel forgets is given back", async () => {
  mkdirSync(line.path("store"), { mode: 0o700 });
  mkdirSync(line.path("mnt"));
  const daemon = line.start(["store", "mnt", "-f", "-d"]);
  assert.ok(await until(() => line.isMounted("mnt")), daemon.stderr);
  const pid = daemon.child.pid!;
  const run = (program: string, ...args: string[]): string =>
    execFileSync(program, args, { encoding: "latin1" });
  const held = (): Record<string, number> => {
    const last = [...daemon.stderr.matchAll(/snapmount:held (.*)$/gm)].at(-1)?.[1] ?? "";
    return Object.fromEntries([...last.matchAll(/(\w+)=(\d+)/g)].map(([, name, n]) => [name!, Number(n)]));
  };
  run("mkdir", line.path("mnt/active/big"));
  fill(run("cat", line.path("mnt/info/active/big/path")).trimEnd());
  const before = residentKib(pid);
  for (let pass = 0; pass < 2; pass++)
    assert.ok(Number(run("sh", "-c", `find '${line.path("mnt/active/big")}' -ls | wc -l`)) > FILES);
  assert.ok(residentKib(pid) - before < MOST_GROWTH_KIB, `${residentKib(pid) - before} KiB more`);
  assert.ok(descriptors(pid) < MOST_DESCRIPTORS, `${descriptors(pid)} descriptors`);
  // Whatever else runs on this machine may make the kernel forget meanwhile.
  const isHeld = await until(() => {
    run("find", line.path("mnt/active/big"), "-size", "+1G");
    return (held()["nodes"] ?? 0) > FILES;
  });
  assert.ok(isHeld, JSON.stringify(held()));

  // What others have cached is lost as well, but that only costs them time.
  writeFileSync("/proc/sys/vm/drop_caches", "2");
  const isForgotten = await until(() => {
    run("ls", line.path("mnt/active"));
    return (held()["nodes"] ?? FILES) < FILES / 10;
  });
  assert.ok(isForgotten, `still held: ${JSON.stringify(held())}`);
  assert.ok((held()["descriptors"] ?? 0) < 100, JSON.stringify(held()));
  assert.ok(
    residentKib(pid) - before < MOST_GROWTH_KIB,
    `${residentKib(pid) - before} KiB more after forgetting`,
  );
  assert.equal(line.run("umount", "mnt").status, 0);
  assert.equal(await daemon.exit, 0);
});
