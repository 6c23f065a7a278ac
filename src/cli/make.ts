import { Failure } from "../daemon/failure.js";
import type { Kind } from "../store/types.js";
import { type AddCommand, collect, STORE_HELP, withStore } from "./command.js";
import { alreadyExists, notFound } from "./failures.js";
import { Progress } from "./progress.js";
import { parseNewRef, refText } from "./ref.js";

interface Flags {
  readonly label?: string[];
  readonly wait?: true;
}

/** @returns labels by their keys. @throws Failure for what is not KEY=VALUE */
export function parseLabels(words: readonly string[] | undefined): Record<string, string> {
  const labels: Record<string, string> = {};
  for (const word of words ?? []) {
    const equals = word.indexOf("=");
    if (equals <= 0) throw new Failure("usage", `${JSON.stringify(word)} is no label: say KEY=VALUE`);
    labels[word.slice(0, equals)] = word.slice(equals + 1);
  }
  return labels;
}

/** Adds `prepare` or `view`. */
export function makeCommand(name: string, kind: Kind, summary: string, description: string): AddCommand {
  return (program) => {
    program
      .command(name)
      .summary(summary)
      .description(description)
      .argument("<STORE>", STORE_HELP)
      .argument("<NAME[@PARENT]>", "such as web@base, or active/web@committed/base")
      .option("-l, --label <key=value>", "give it a label", collect)
      .option(
        "-w, --wait",
        "wait until the copy of the parent is complete (a store that is not mounted always does)",
      )
      .action(async (store: string, text: string, flags: Flags) => {
        const { ref, parent } = parseNewRef(text, kind);
        const labels = parseLabels(flags.label);
        const make = withStore(
          store,
          async (access, signal) => {
            if (parent !== undefined && (await access.find(parent)) === undefined)
              throw notFound(parent, "the parent ");
            if ((await access.find(ref)) !== undefined) throw alreadyExists(ref);
            const progress = new Progress(refText(ref), "%");
            try {
              const onProgress = (percent: number): void => progress.update(percent, 100);
              await access.make(ref, parent, { labels, wait: flags.wait === true, signal, onProgress });
            } finally {
              progress.stop();
            }
          },
          true,
        );
        await make;
      });
  };
}
