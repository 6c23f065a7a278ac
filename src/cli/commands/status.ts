import { statfs } from "node:fs/promises";
import { KIND_DIRECTORY, KINDS } from "../../tree/control/node-ids.js";
import type { Access } from "../access.js";
import { type AddCommand, STORE_HELP, withStore } from "../command.js";
import { humanSize, oneLine, printJson, printLine } from "../output.js";
import { refText } from "../ref.js";

interface StatusJson {
  readonly store: string | null;
  readonly mountpoint: string | null;
  readonly pid: number | null;
  readonly driver: string | null;
  readonly passthrough: boolean | null;
  readonly snapshots: Readonly<Record<string, number>>;
  readonly underWay: readonly { readonly name: string; readonly state: string }[];
  readonly size: number;
  readonly free: number;
  readonly freeInodes: number;
}

export const addStatus: AddCommand = (program) => {
  program
    .command("status")
    .summary("show where a store is mounted, what it holds and what is under way")
    .description(
      "Shows where a store is mounted and by which process, how many snapshots it holds, copies and commits that are under way, and the free space.",
    )
    .argument("<STORE>", STORE_HELP)
    .option("--json", "print JSON")
    .action(async (store: string, flags: { readonly json?: true }) => {
      await withStore(store, async (access) => {
        const status = await statusOf(access);
        if (flags.json === true) printJson(status);
        else show(status);
      });
    });
};

async function statusOf(access: Access): Promise<StatusJson> {
  const { store, mountpoint, pid, driver, passthrough } = access.place;
  const snapshots = await access.list();
  const underWay = snapshots.filter(({ state }) => state !== "ready");
  const space = await statfs(mountpoint ?? store ?? "/");
  const count = (kind: string): number => snapshots.filter((snapshot) => snapshot.kind === kind).length;
  return {
    store: store ?? null,
    mountpoint: mountpoint ?? null,
    pid: pid ?? null,
    driver: driver ?? null,
    passthrough: passthrough ?? null,
    snapshots: Object.fromEntries(KINDS.map((kind) => [KIND_DIRECTORY[kind], count(kind)])),
    underWay: underWay.map((snapshot) => ({ name: refText(snapshot), state: snapshot.state })),
    size: space.blocks * space.bsize,
    free: space.bavail * space.bsize,
    freeInodes: space.ffree,
  };
}

function show(status: StatusJson): void {
  const line = (title: string, text: string): void => printLine(`${`${title}:`.padEnd(11)}${oneLine(text)}`);
  line("store", status.store ?? "-");
  line("mounted", status.mountpoint ?? "no");
  if (status.pid !== null) line("process", String(status.pid));
  if (status.driver !== null) {
    const how = status.passthrough === true ? "the kernel reads and writes by itself" : "without passthrough";
    line("driver", `${status.driver}, ${how}`);
  }
  for (const [kind, count] of Object.entries(status.snapshots)) line(kind, String(count));
  line("free", `${humanSize(status.free)} of ${humanSize(status.size)}, ${status.freeInodes} inodes`);
  for (const { name, state } of status.underWay) line("under way", `${name} ${state}`);
}
