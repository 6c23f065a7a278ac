import { type AddCommand, requireSnapshot, STORE_HELP, withStore } from "../command.js";
import { humanSize, oneLine, printJson, printLine } from "../output.js";
import { parseRef, refText } from "../ref.js";
import { type SnapshotJson, snapshotJson, sortedLabels } from "../show.js";

interface InfoJson extends SnapshotJson {
  readonly children: readonly string[];
  readonly path: string;
}

export const addInfo: AddCommand = (program) => {
  program
    .command("info")
    .summary("show all that is known about snapshots")
    .description("Shows all that is known about snapshots.")
    .argument("<STORE>", STORE_HELP)
    .argument("<REF...>", "snapshots, such as active/web")
    .option("--json", "print JSON")
    .action(async (store: string, names: string[], flags: { readonly json?: true }) => {
      const refs = names.map((name) => parseRef(name));
      await withStore(store, async (access) => {
        const found: InfoJson[] = [];
        for (const ref of refs) {
          const snapshot = await requireSnapshot(access, ref);
          const usage = await access.usage(ref);
          const children = (await access.children(ref)).map(refText);
          const path = await access.path(ref);
          found.push({ ...snapshotJson(snapshot, usage), children, path });
        }
        if (flags.json === true) printJson(found);
        else for (const [index, info] of found.entries()) show(info, index);
      });
    });
};

function show(info: InfoJson, index: number): void {
  if (index > 0) printLine("");
  const line = (title: string, text: string): void => printLine(`${`${title}:`.padEnd(10)}${oneLine(text)}`);
  line("name", info.name);
  if (info.key !== info.name.slice(info.name.indexOf("/") + 1)) line("key", info.key);
  line("id", String(info.id));
  line("parent", info.parent ?? "-");
  line("children", info.children.join(", ") || "-");
  line("created", info.created);
  line("updated", info.updated);
  line("state", info.state);
  line("held", info.hold ?? "-");
  line("size", `${humanSize(info.size)} (${info.size} bytes)`);
  line("inodes", String(info.inodes));
  line("path", info.path);
  for (const [key, value] of sortedLabels(info.labels)) line("label", `${key}=${value}`);
}
