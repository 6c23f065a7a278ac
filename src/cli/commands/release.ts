import { type AddCommand, requireSnapshot, STORE_HELP, withStore } from "../command.js";
import { parseRef } from "../ref.js";

export const addRelease: AddCommand = (program) => {
  program
    .command("release")
    .summary("take back what hold did")
    .description("Releases snapshots that are held. One that is not held stays as it is.")
    .argument("<STORE>", STORE_HELP)
    .argument("<REF...>", "snapshots, such as committed/base")
    .action(async (store: string, names: string[]) => {
      const refs = names.map((name) => parseRef(name));
      await withStore(store, async (access) => {
        for (const ref of refs) await requireSnapshot(access, ref);
        for (const ref of refs) await access.hold(ref, undefined);
      });
    });
};
