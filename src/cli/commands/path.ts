import { type AddCommand, requireSnapshot, STORE_HELP, withStore } from "../command.js";
import { printJson, printLine } from "../output.js";
import { parseRef, refText } from "../ref.js";

export const addPath: AddCommand = (program) => {
  program
    .command("path")
    .summary("print the native directory of a snapshot")
    .description(
      "Prints the native directory that holds a snapshot, once its copy is complete. Look, but write only below active/: what is committed must not change.",
    )
    .argument("<STORE>", STORE_HELP)
    .argument("<REF>", "snapshot, such as active/web")
    .option("--json", "print JSON")
    .action(async (store: string, name: string, flags: { readonly json?: true }) => {
      const ref = parseRef(name);
      await withStore(store, async (access) => {
        await requireSnapshot(access, ref);
        const path = await access.path(ref);
        if (flags.json === true) printJson({ name: refText(ref), path });
        else printLine(path);
      });
    });
};
