import { type AddCommand, requireSnapshot, STORE_HELP, withStore } from "../command.js";
import { parseLabels } from "../make.js";
import { oneLine, printJson, printLine } from "../output.js";
import { parseRef } from "../ref.js";
import { sortedLabels } from "../show.js";

export const addLabel: AddCommand = (program) => {
  program
    .command("label")
    .summary("show, set or remove labels")
    .description("Sets labels of a snapshot; KEY= removes one. Without any, shows those that it has.")
    .argument("<STORE>", STORE_HELP)
    .argument("<REF>", "snapshot, such as active/web")
    .argument("[KEY=VALUE...]", "labels to set")
    .option("--json", "print the labels that it has then as JSON")
    .action(async (store: string, name: string, words: string[], flags: { readonly json?: true }) => {
      const ref = parseRef(name);
      const changes = parseLabels(words);
      await withStore(store, async (access) => {
        await requireSnapshot(access, ref);
        await access.label(ref, changes);
        if (words.length > 0 && flags.json !== true) return;
        const labels = sortedLabels((await requireSnapshot(access, ref)).labels);
        if (flags.json === true) printJson(Object.fromEntries(labels));
        else for (const [key, value] of labels) printLine(oneLine(`${key}=${value}`));
      });
    });
};
