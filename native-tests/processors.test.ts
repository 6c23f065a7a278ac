import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdirSync, readdirSync, readFileSync } from "node:fs";
import { getPriority } from "node:os";
import { after, it } from "node:test";
import { allowedProcessors, members } from "../src/sys/affinity.js";
import { CommandLine, until } from "./support/command-line.js";

const line = new CommandLine();
after(() => line.dispose());

interface Thread {
  /** Where it may run, as /proc lists it. */
  readonly allowed: string;
  readonly state: string;
  readonly nice: number;
}

function threads(pid: number): Thread[] {
  return readdirSync(`/proc/${pid}/task`).map((tid) => {
    const directory = `/proc/${pid}/task/${tid}`;
    const stat = readFileSync(`${directory}/stat`, "latin1");
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    const allowed = /^Cpus_allowed_list:\s*(\S+)$/m.exec(readFileSync(`${directory}/status`, "latin1"))![1]!;
    return { allowed, state: fields[0]!, nice: Number(fields[16]) };
  });
}

it("the session's thread follows who asks it, only an occupant of the lowest priority is bound beside it, and both let go when idle", async (context) => {
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
tasks = f"/proc/{sys.argv[2]}/task"
def nice(t):
    return int(open(f"{tasks}/{t}/stat").read().rsplit(")", 1)[1].split()[16])
def bound():
    everywhere = f"Cpus_allowed_list:\\t{sys.argv[3]}\\n"
    return sorted(nice(t) for t in os.listdir(tasks) if everywhere not in open(f"{tasks}/{t}/status").read())
fd = os.open(f"{sys.argv[1]}/file", os.O_WRONLY | os.O_CREAT)
os.write(fd, b"x")
os.fsync(fd)
os.close(fd)
most = []
# A machine that is busy with something else takes several tries.
for i in range(50):
    for j in range(400):
        os.listxattr(f"{sys.argv[1]}/file")
    most = max(most, bound(), key=len)
    if len(most) > 1:
        break
print(*most)
`;
  const most = execFileSync("/usr/bin/python3", ["-c", script, entry, String(pid), everywhere], {
    encoding: "latin1",
  });
  assert.ok(readdirSync(`/proc/${pid}/task`).length > before, "fsync is made in threads of their own");
  const pair = members(allowedProcessors(0)!).length === 2;
  const session = process.geteuid!() === 0 ? getPriority() - 10 : getPriority();
  const bound = pair ? `${session} 19` : `${session}`;
  assert.equal(most.trim(), bound, "nice values of what is bound to one processor");
  // Those that wait for the disk, and all others, are where the process is, or behind it.
  const ahead = threads(pid).filter(({ nice }) => nice < getPriority());
  assert.equal(ahead.length, session < getPriority() ? 1 : 0, JSON.stringify(threads(pid)));
  const quiet = ({ allowed, state, nice }: Thread): boolean =>
    allowed === everywhere || (nice === 19 && state === "S");
  assert.ok(await until(() => threads(pid).every(quiet)), JSON.stringify(threads(pid)));
});
