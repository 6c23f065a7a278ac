import { Argument } from "commander";
import type { AddCommand } from "../command.js";
import { COMPLETION_SCRIPTS, SHELLS, type Shell } from "../completion-scripts.js";
import { print, printLine } from "../output.js";

const HELP = `
  bash   source <(snapmount completion bash)             in ~/.bashrc
  zsh    source <(snapmount completion zsh)              in ~/.zshrc, after compinit
  fish   snapmount completion fish | source              in ~/.config/fish/config.fish`;

export const addCompletion: AddCommand = (program) => {
  program
    .command("completion")
    .summary("print what makes a shell complete commands, options and snapshots")
    .description("Prints a script that makes a shell complete commands, options and names of snapshots.")
    .addArgument(new Argument("<SHELL>").choices(SHELLS))
    .addHelpText("after", HELP)
    .action((shell: Shell) => print(COMPLETION_SCRIPTS[shell]));
  program
    .command("__complete", { hidden: true })
    .argument("[WORDS...]")
    .action(async (words: string[]) => {
      const { complete } = await import("../completion.js");
      const { words: found, files } = complete(program, words);
      printLine(files);
      for (const word of found) printLine(word);
    });
};
