import { Failure } from "../../daemon/failure.js";
import { type AddCommand, requireSnapshot, STORE_HELP, withStore } from "../command.js";
import { alreadyExists } from "../failures.js";
import { parseRef, refText } from "../ref.js";

export const addRename: AddCommand = (program) => {
  program
    .command("rename")
    .summary("give a snapshot another name")
    .description("Gives a snapshot another name of the same kind. What was made from it follows.")
    .argument("<STORE>", STORE_HELP)
    .argument("<REF>", "snapshot, such as committed/web-1")
    .argument("<NAME>", "its new name, such as web-2 or committed/web-2")
    .action(async (store: string, source: string, target: string) => {
      const from = parseRef(source);
      const to = parseRef(target, from.kind);
      if (to.kind !== from.kind) {
        const remedy = from.kind === "active" && to.kind === "committed" ? ": that is snapmount commit" : "";
        throw new Failure("usage", `${refText(from)} cannot become ${refText(to)} by another name${remedy}`);
      }
      await withStore(store, async (access) => {
        await requireSnapshot(access, from);
        if (refText(from) === refText(to)) return;
        if ((await access.find(to)) !== undefined) throw alreadyExists(to);
        await access.rename(from, to);
      });
    });
};
