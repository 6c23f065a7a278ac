import { type AddCommand, STORE_HELP, withStore } from "../command.js";
import { type Lineage, lineageOf } from "../lineage.js";
import { oneLine, printJson, printLine } from "../output.js";
import { parseRef, refText } from "../ref.js";
import { nameCell, shortTime } from "../show.js";

interface NodeJson {
  readonly name: string;
  readonly created: string;
  readonly children: readonly NodeJson[];
}

export const addTree: AddCommand = (program) => {
  program
    .command("tree")
    .summary("show which snapshot was made from which")
    .description("Shows the lineage of snapshots: below each, what was made from it.")
    .argument("<STORE>", STORE_HELP)
    .argument("[REF]", "only this one and what was made from it")
    .option("--json", "print JSON")
    .action(async (store: string, root: string | undefined, flags: { readonly json?: true }) => {
      await withStore(store, async (access) => {
        const trees = lineageOf(await access.list(), root === undefined ? undefined : parseRef(root));
        if (flags.json === true) printJson(trees.map(toJson));
        else for (const tree of trees) draw(tree, "", "");
      });
    });
};

function toJson({ snapshot, children }: Lineage): NodeJson {
  return { name: refText(snapshot), created: snapshot.created, children: children.map(toJson) };
}

/** @param head stands before the name @param indent before what is below it */
function draw({ snapshot, children }: Lineage, head: string, indent: string): void {
  const name = nameCell(snapshot);
  const text = typeof name === "string" ? oneLine(name) : name.paint(oneLine(name.text));
  printLine(`${head}${text}  ${shortTime(snapshot.created)}`);
  for (const [index, child] of children.entries()) {
    const isLast = index === children.length - 1;
    draw(child, `${indent}${isLast ? "└── " : "├── "}`, `${indent}${isLast ? "    " : "│   "}`);
  }
}
