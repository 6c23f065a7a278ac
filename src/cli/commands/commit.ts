import { Failure } from "../../daemon/failure.js";
import { type AddCommand, collect, requireSnapshot, STORE_HELP, withStore } from "../command.js";
import { alreadyExists } from "../failures.js";
import { parseLabels } from "../make.js";
import { explained } from "../obstacles.js";
import { parseRef, refText } from "../ref.js";

export const addCommit: AddCommand = (program) => {
  program
    .command("commit")
    .summary("make an active snapshot immutable")
    .description(
      "Makes active/NAME immutable, as committed/NAME or under another name, and returns when it is on the disk. Its labels are those given here, as containerd has it.",
    )
    .argument("<STORE>", STORE_HELP)
    .argument("<REF>", "active snapshot, such as active/web")
    .argument("[NAME]", "its name from then on, such as web-1 or committed/web-1")
    .option("-l, --label <key=value>", "give it a label", collect)
    .action(
      async (store: string, source: string, target: string | undefined, flags: { label?: string[] }) => {
        const from = parseRef(source, "active");
        if (from.kind !== "active")
          throw new Failure("usage", `${refText(from)} cannot be committed: only active snapshots can`);
        const to =
          target === undefined ? ({ ...from, kind: "committed" } as const) : parseRef(target, "committed");
        if (to.kind !== "committed")
          throw new Failure("usage", `${refText(to)} is no name for it: say committed/${to.name}`);
        const labels = parseLabels(flags.label);
        await withStore(store, async (access) => {
          await requireSnapshot(access, from);
          if ((await access.find(to)) !== undefined) throw alreadyExists(to);
          await explained(access, from, access.commit(from, to, labels));
        });
      },
    );
};
