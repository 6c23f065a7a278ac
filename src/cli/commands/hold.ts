import { type AddCommand, requireSnapshot, STORE_HELP, withStore } from "../command.js";
import { parseRef } from "../ref.js";

const NO_REASON = "held";

export const addHold: AddCommand = (program) => {
  program
    .command("hold")
    .summary("protect a snapshot from removal")
    .description("Protects a snapshot: it cannot be removed until it is released.")
    .argument("<STORE>", STORE_HELP)
    .argument("<REF>", "snapshot, such as committed/base")
    .argument("[REASON...]", "why; whoever tries to remove it is told")
    .action(async (store: string, name: string, words: string[]) => {
      const ref = parseRef(name);
      await withStore(store, async (access) => {
        await requireSnapshot(access, ref);
        await access.hold(ref, words.join(" ").trim() || NO_REASON);
      });
    });
};
