import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { chart } from "./bench/chart.js";
import { CONTENDERS } from "./bench/contenders.js";
import { measureControl } from "./bench/control.js";
import { measureCounts } from "./bench/counts.js";
import { measureCrashes } from "./bench/crash.js";
import { measureData } from "./bench/data.js";
import { measureFuzz } from "./bench/fuzz.js";
import { machine } from "./bench/machine.js";
import { measureModel } from "./bench/model.js";
import { measurePowerCuts } from "./bench/powercut.js";
import { type RowResult, table } from "./bench/report.js";
import { FULL, QUICK } from "./bench/rows.js";
import { measureScale } from "./bench/scale.js";
import { stress } from "./bench/stress.js";
import { countVerdicts, dataVerdicts, stressVerdicts, type Verdict, verdictLines } from "./bench/verdicts.js";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const ARTEFACTS = join(ROOT, "artefacts");
const IO = join(ROOT, "scripts/bench/io.py");

const USAGE = `usage: npm run bench -- data [--quick] [--rounds N] [--contender NAME]… [--stress SECONDS] [--no-table]
       npm run bench -- control [--quick] [--rounds N] [--filesystem ext4|xfs|btrfs]… [--files N] [--bytes N]
       npm run bench -- fuzz [--requests N]
       npm run bench -- crash
       npm run bench -- powercut [--cuts N]
       npm run bench -- scale [--snapshots N] [--rounds N]
       npm run bench -- model [--seconds N]
As root. Results go to stdout and to artefacts/bench-*.{txt,json,svg}.`;

const HOW_DATA = `How this was measured
Each contender works on a freshly made ext4 of its own in a loop-mounted image, new in each round; in each row the
contenders take turns, each round beginning with another; rows that leave everything as it was are measured three times a
round. Figures are medians (smallest to largest), and the ratio to native: smaller is faster. Time of rows that run a
program includes its start; random I/O and small files are timed inside one Python process, these by paths from the
directory of the contender, which is as deep then for each. Before every row dirty data
is written out; "cold" rows run after the page, dentry and inode caches were dropped. Writes are not followed by fsync:
they end in the page cache, as natively. The p99 is of stat(2) about every millisecond, while another process copies 4
files and fsyncs each. No process is pinned to a core from outside (snapmount's session binds itself to the processor
of whoever keeps asking, and on two processors keeps the other one awake meanwhile), daemons run with their defaults, and
all contenders are mounted while one of them works.
Requests are counted by the kernel's tracepoint fuse_request_send.`;

const HOW_FUZZ = `How this was measured
In memory, without a mount: half of the requests go to the dispatcher before a file system that answers at random, half
to the tree on a store in a temporary directory. Three in ten are mutated: bytes flipped, cut, lengthened, a wrong length.
A reply in a hundred is refused, as when the caller was killed. Runs are seeded by their number.`;

const HOW_CONTROL = `How this was measured
On a freshly made file system of each type in a loop-mounted image, caches warm, ways taking turns within a round, each
when the disks have nothing left to do for those before it (they discard what was deleted), and the machine runs at its
usual pace (memory that was freed may go back to a hypervisor: everything is slow meanwhile).
mkdir, mv and rmdir are timed as system calls of another process than the daemon. "ls active meanwhile" is the slowest
readdir while they run and the copy goes on; between two readdirs the same process reads its own memory in 2,000 places,
which asks nobody for anything. Where that took more than four times its usual processor's time, right before or after,
the machine was not at its usual pace; what is judged is the slowest of all. A copy is timed from mkdir until it is
complete, beside that process and then another without it; cp -a is timed with the start of its process, and has
nobody beside it. Figures are medians of the rounds (smallest to largest). No process is pinned to a core.`;

const HOW_POWERCUT = `How this was measured
A store is mounted from a file system in an image that lies on an xfs, and one process prepares, writes, commits,
fsyncs and removes on the mount. At random moments the image is copied by FICLONE, which is atomic to the writes of the
loop device: the copy is what the disk held at that instant, without anything that was still in the page cache. The copy
is mounted (which replays its journal), the store in it opened, and every committed snapshot compared with what was
committed. Flushing is made to take 150 ms longer, so that commits are caught before they are on the disk. The disk keeps
what it has taken: reordering in a volatile cache of its own is not played.`;

const HOW_CRASH = `How this was measured
A process opens a store and does one operation; at its first call that changes something on the disk, or at its first own
step (publishing a directory, writing the metadata, setting a directory aside), it kills itself by SIGKILL, at the second
in the next run, and so on until the operation comes to its end. Each time the store is opened, checked, used and compared
with what may be there.`;

const HOW_SCALE = `How this was measured
Two stores on a fresh ext4 in an image, one with few snapshots and one with many, each tenth made from the one before it.
"mount" is the command from its start until it returns, with warm caches; "after kill -9" the same when the daemon had
been killed. Operations are timed as system calls of one Python process, 100 of each, on snapshots across the store.`;

const HOW_MODEL = `How this was measured
Eight processes prepare, view, commit, rename, label and remove at random on one mount, each comparing what it finds with
what must be there. In the end names, contents and parents of all are compared, the store is unmounted, checked, mounted
and compared again.`;

/** What tables are called, by the unit of their rows. */
const UNITS = { ms: "Milliseconds", count: "Counts" };

interface Report {
  readonly name: string;
  readonly how: string;
  readonly rows: readonly RowResult[];
  readonly names: readonly string[];
  readonly reference: string;
  readonly verdicts: readonly Verdict[];
  readonly details: unknown;
}

async function main(): Promise<void> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      quick: { type: "boolean", default: false },
      rounds: { type: "string" },
      contender: { type: "string", multiple: true, default: [] },
      stress: { type: "string", default: "0" },
      "no-table": { type: "boolean", default: false },
      filesystem: { type: "string", multiple: true, default: ["ext4", "xfs", "btrfs"] },
      files: { type: "string" },
      bytes: { type: "string" },
      requests: { type: "string", default: "1000000" },
      cuts: { type: "string", default: "30" },
      snapshots: { type: "string", default: "100000" },
      seconds: { type: "string", default: "180" },
      help: { type: "boolean", short: "h", default: false },
    },
  });
  if (values.help) {
    console.log(USAGE);
    return;
  }
  if (process.getuid?.() !== 0) {
    throw new Error("the benchmark makes and mounts file systems: run it as root");
  }
  const rounds = Number(values.rounds ?? (values.quick ? 1 : 3));
  if (positionals[0] === "data") {
    const scale = values.quick ? QUICK : FULL;
    const rows = values["no-table"] ? [] : measureData({ scale, rounds, contenders: values.contender });
    data(rows, Number(values.stress));
  } else if (positionals[0] === "control") {
    const files = Number(values.files ?? (values.quick ? 20_000 : 200_000));
    const bytes = Number(values.bytes ?? (values.quick ? 256 * 2 ** 20 : 5 * 2 ** 30));
    const { rows, names, verdicts } = measureControl({ rounds, types: values.filesystem, files, bytes });
    finish({
      name: "control",
      how: HOW_CONTROL,
      rows,
      names,
      reference: "cp -a",
      verdicts,
      details: { files, bytes },
    });
  } else if (positionals[0] === "fuzz") {
    const verdicts = await measureFuzz(Number(values.requests));
    finish({ name: "fuzz", how: HOW_FUZZ, rows: [], names: [], reference: "", verdicts, details: {} });
  } else if (positionals[0] === "powercut") {
    const verdicts = await measurePowerCuts(Number(values.cuts));
    finish({
      name: "powercut",
      how: HOW_POWERCUT,
      rows: [],
      names: [],
      reference: "",
      verdicts,
      details: {},
    });
  } else if (positionals[0] === "crash") {
    const verdicts = await measureCrashes();
    finish({ name: "crash", how: HOW_CRASH, rows: [], names: [], reference: "", verdicts, details: {} });
  } else if (positionals[0] === "scale") {
    const { rows, names, verdicts } = await measureScale(Number(values.snapshots), rounds);
    finish({ name: "scale", how: HOW_SCALE, rows, names, reference: names[0]!, verdicts, details: {} });
  } else if (positionals[0] === "model") {
    const verdicts = [await measureModel(Number(values.seconds))];
    finish({ name: "model", how: HOW_MODEL, rows: [], names: [], reference: "", verdicts, details: {} });
  } else {
    throw new Error(USAGE);
  }
}

function data(rows: readonly RowResult[], stressSeconds: number): void {
  const counts = measureCounts(IO);
  const verdicts = [...dataVerdicts(rows), ...countVerdicts(counts)];
  if (stressSeconds > 0) {
    verdicts.push(...stressVerdicts("with passthrough", stress(stressSeconds / 2, [])));
    verdicts.push(...stressVerdicts("without passthrough", stress(stressSeconds / 2, ["nopassthrough"])));
  }
  const names = CONTENDERS.map(({ name }) => name).filter((name) =>
    rows.some((row) => name in row.contenders),
  );
  finish({ name: "data", how: HOW_DATA, rows, names, reference: "native", verdicts, details: counts });
}

/** Prints the report, and writes it as text, JSON and a chart. */
function finish(report: Report): void {
  const { name, rows, names, reference, verdicts, how } = report;
  const where = machine();
  const header = Object.entries(where).map(([key, value]) => `${key}: ${value}`);
  const tables = Object.entries(UNITS).flatMap(([unit, title]) => {
    const some = rows.filter((row) => row.unit === unit);
    return some.length > 0 ? [`${title}\n${table(some, names, reference)}`] : [];
  });
  const text = `${[header.join("\n"), ...tables, verdictLines(verdicts), how].join("\n\n")}\n`;
  process.stdout.write(text);
  mkdirSync(ARTEFACTS, { recursive: true });
  const file = join(ARTEFACTS, `bench-${name}`);
  writeFileSync(`${file}.txt`, text);
  writeFileSync(
    `${file}.json`,
    `${JSON.stringify({ machine: where, rows, verdicts, details: report.details }, null, 2)}\n`,
  );
  writeFileSync(
    `${file}.svg`,
    chart(
      `snapmount: ${name} path, times ${reference} took (less is better)`,
      rows.filter(({ unit }) => unit === "ms"),
      names,
      reference,
    ),
  );
}

await main();
