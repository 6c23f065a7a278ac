import type { Command } from "commander";

/**
 * Writes the manual page snapmount(1), in the language of man(7), from the definitions of the commands.
 * @param program all commands
 */
export function manualPage(program: Command, version: string): string {
  const commands = program.commands.filter((command) => !command.name().startsWith("_"));
  return [
    `.TH SNAPMOUNT 1 "" "snapmount ${version}" "User Commands"`,
    ".SH NAME",
    `snapmount ${ESCAPED_DASH} a snapshot store used with mkdir, mv and rmdir`,
    ".SH SYNOPSIS",
    ...synopsis("snapmount STORE MOUNTPOINT [options]"),
    ".br",
    ...synopsis("snapmount COMMAND STORE [REF ...] [options]"),
    ".SH DESCRIPTION",
    roff(program.description()),
    ".PP",
    roff(
      "STORE is the directory of a store, or where it is mounted. REF is a snapshot by its path on the mount, such as active/web or committed/base; odd characters of a name are written as there, as % and two digits. While a store is mounted, commands work through its mount, otherwise they take its lock and work on it directly; both do and print the same.",
    ),
    ".SH MOUNTING",
    ...optionLines(program),
    ...verbatim(textAfter(program)),
    ".SH COMMANDS",
    ...commands.flatMap((command) => commandSection(program, command)),
    ".SH ENVIRONMENT",
    ".TP",
    ".B NO_COLOR",
    "No colours, even on a terminal.",
    ".TP",
    ".B DEBUG",
    roff("Prints what happens on stderr, for example snapmount:* or snapmount:store."),
    ".SH SEE ALSO",
    `.BR mount (8), findmnt (8), tar (1)`,
    "",
  ].join("\n");
}

const ESCAPED_DASH = "\\-";

function commandSection(program: Command, command: Command): string[] {
  return [
    `.SS "${roff(command.name())}"`,
    ...synopsis(`${program.name()} ${command.name()} ${usageOf(command)}`),
    ".PP",
    roff(command.description()),
    ...command.registeredArguments
      .filter((argument) => argument.description !== "")
      .flatMap((argument) => [".TP", `.I ${roff(argument.name())}`, roff(argument.description)]),
    ...optionLines(command),
    ...verbatim(textAfter(command)),
  ];
}

function usageOf(command: Command): string {
  return command
    .usage()
    .replace(/^\[options\] ?/, "")
    .concat(" [options]")
    .trim();
}

function synopsis(line: string): string[] {
  const [program = "", ...rest] = line.split(" ");
  return [`.B ${roff(program)}`, roff(rest.join(" "))];
}

function optionLines(command: Command): string[] {
  return command.options
    .filter((option) => !option.hidden)
    .flatMap((option) => [".TP", `.B ${roff(option.flags)}`, roff(descriptionOf(option))]);
}

function descriptionOf(option: Command["options"][number]): string {
  const choices = option.argChoices === undefined ? "" : ` (${option.argChoices.join(", ")})`;
  const isShown = typeof option.defaultValue === "string";
  return `${option.description}${choices}${isShown ? `; default ${String(option.defaultValue)}` : ""}`;
}

/** What stands in the help behind the list of options: examples, tables, the exit codes. */
function textAfter(command: Command): string {
  const pieces: string[] = [];
  const { writeOut } = command.configureOutput();
  command.configureOutput({ writeOut: (text) => pieces.push(text) });
  command.outputHelp();
  command.configureOutput(writeOut === undefined ? {} : { writeOut });
  return pieces.join("").slice(command.helpInformation().length).trim();
}

function verbatim(text: string): string[] {
  return text === "" ? [] : [".PP", ".nf", ...text.split("\n").map(roff), ".fi"];
}

/** @returns text in which nothing is taken for a request or an escape */
function roff(text: string): string {
  const escaped = text
    .replaceAll("\\", "\\e")
    .replaceAll("-", ESCAPED_DASH)
    .replaceAll("…", "...")
    .replaceAll("'", "\\(aq")
    .replaceAll("^", "\\(ha")
    .replaceAll("~", "\\(ti");
  return /^[.']/.test(escaped) ? `\\&${escaped}` : escaped;
}
