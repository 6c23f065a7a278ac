import { Failure } from "../../daemon/failure.js";
import { escapeField } from "../../tree/control/values.js";
import { type AddCommand, requireSnapshot, STORE_HELP, withStore } from "../command.js";
import { printJson, printLine } from "../output.js";
import { parseRef, refText } from "../ref.js";

export const addMounts: AddCommand = (program) => {
  program
    .command("mounts")
    .summary("print how a snapshot is mounted without FUSE in between")
    .description(
      "Prints the mounts of an active snapshot or a view as containerd has them, one a line: TYPE SOURCE OPTIONS.",
    )
    .argument("<STORE>", STORE_HELP)
    .argument("<REF>", "active snapshot or view")
    .option("--json", "print JSON")
    .addHelpText(
      "after",
      "\n  snapmount mounts STORE active/web | { read -r type source options; mount -o $options $source /mnt; }",
    )
    .action(async (store: string, name: string, flags: { readonly json?: true }) => {
      const ref = parseRef(name);
      await withStore(store, async (access) => {
        await requireSnapshot(access, ref);
        if (ref.kind === "committed") {
          throw new Failure(
            "busy",
            `${refText(ref)} cannot be mounted for writing: make a view or an active one of it`,
          );
        }
        const mounts = await access.mounts(ref);
        if (flags.json === true) printJson(mounts);
        else
          for (const { type, source, options } of mounts)
            printLine(`${type} ${escapeField(source)} ${options.join(",")}`);
      });
    });
};
