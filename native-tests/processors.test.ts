import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdirSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { after, it } from "node:test";
import { CommandLine, until } from "./support/command-line.js";

const line = new CommandLine();
after(() => line.dispose());

/** @returns the processors on which each thread of a process may run, as /proc lists them */
function allowed(pid: number): string[] {
  return readdirSync(`/proc/${pid}/task`).map(
    (tid) =>
      /^Cpus_allowed_list:\s*(\S+)$/m.exec(readFileSync(`/proc/${pid}/task/${tid}/status`, "latin1"))![1]!,
  );
}

it("only the session's thread follows who asks it, no thread that it makes is bound with it, and it lets go when idle", async (context) => {
  const everywhere = /^Cpus_allowed_list:\s*(\S+)$/m.exec(readFileSync("/proc/self/status", "latin1"))![1]!;
  if (/^\d+$/.test(everywhere)) {
    context.skip("needs two processors");
    return;
  }
  mkdirSync(line.path("store"), { mode: 0o700 });
  mkdirSync(line.path("mnt"));
  const daemon = line.start(["store", "mnt", "-f"]);
  assert.ok(await until(() => line.isMounted("mnt")), daemon.stderr);
  const pid = daemon.child.pid!;
  const before = readdirSync(`/proc/${pid}/task`).length;
  const entry = line.path("mnt/active/a");
  const script = `
import os, sys, re
os.mkdir(sys.argv[1])
def bound():
    status = [open(f"/proc/{sys.argv[2]}/task/{t}/status").read() for t in os.listdir(f"/proc/{sys.argv[2]}/task")]
    return sum(f"Cpus_allowed_list:\\t{sys.argv[3]}\\n" not in text for text in status)
most = 0
for i in range(300):
    fd = os.open(f"{sys.argv[1]}/{i}", os.O_WRONLY | os.O_CREAT)
    os.write(fd, b"x")
    if i >= 100:
        os.fsync(fd)
        most = max(most, bound())
    os.close(fd)
print(most)
`;
  const most = execFileSync("/usr/bin/python3", ["-c", script, entry, String(pid), everywhere], {
    encoding: "latin1",
  });
  assert.ok(readdirSync(`/proc/${pid}/task`).length > before, "fsync is made in threads of their own");
  assert.equal(Number(most), 1, "the session's thread, and no other");
  assert.ok(await until(() => allowed(pid).every((list) => list === everywhere)), join(...allowed(pid)));
});
