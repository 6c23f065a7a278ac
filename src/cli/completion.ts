import { readdirSync } from "node:fs";
import { join } from "node:path";
import type { Argument, Command, Option } from "commander";
import { printable } from "../base/bytes.js";
import { MOUNT_TYPE, mountAt, resolveMountpoint } from "../daemon/mounts.js";
import { lockOwner } from "../store/lock.js";
import { openReader } from "../store/reader.js";
import { readMountInfo } from "../sys/mount.js";
import { KIND_DIRECTORY, KINDS } from "../tree/control/node-ids.js";
import { refOf, refText } from "./ref.js";

/** What may stand where the cursor is. */
export interface Candidates {
  readonly words: readonly string[];
  /** What else the shell offers by itself. */
  readonly files: "none" | "directories" | "all";
}

const NOTHING: Candidates = { words: [], files: "none" };
const DIRECTORIES: Candidates = { words: [], files: "directories" };
/** Most snapshots of a kind that are offered. */
const MOST = 1000;

/**
 * @param program all commands
 * @param words after the program's name, up to the one at the cursor, which may be empty
 */
export function complete(program: Command, words: readonly string[]): Candidates {
  const current = words.at(-1) ?? "";
  const found = candidates(program, words.slice(0, -1), current);
  return { ...found, words: found.words.filter((word) => word.startsWith(current)) };
}

function candidates(program: Command, before: readonly string[], current: string): Candidates {
  const [name, ...rest] = before;
  const command = program.commands.find((candidate) => candidate.name() === name);
  if (name === undefined && !current.startsWith("-"))
    return { words: visible(program).map((candidate) => candidate.name()), files: "directories" };
  const given = command ?? program;
  const { option, operands } = scan(given, command === undefined ? before : rest);
  if (option !== undefined) return optionValue(option, operands[0]);
  if (current.startsWith("-")) return { words: optionNames(given), files: "none" };
  if (command === undefined) return DIRECTORIES;
  return operand(command, operands, current);
}

function visible(program: Command): Command[] {
  return program.commands.filter((command) => !command.name().startsWith("_"));
}

function optionNames(command: Command): string[] {
  const own = command.options
    .filter((option) => !option.hidden)
    .flatMap((option) => [option.long, option.short]);
  return [...own, "--help"].filter((name) => name !== undefined && name !== null);
}

/** Goes through the words before the cursor. */
function scan(
  command: Command,
  words: readonly string[],
): { option: Option | undefined; operands: string[] } {
  const operands: string[] = [];
  let option: Option | undefined;
  for (const word of words) {
    if (option !== undefined) option = undefined;
    else if (word.startsWith("-") && word !== "-") {
      const found = command.options.find((candidate) => candidate.long === word || candidate.short === word);
      if (found?.required === true) option = found;
    } else operands.push(word);
  }
  return { option, operands };
}

function optionValue(option: Option, store: string | undefined): Candidates {
  if (option.argChoices !== undefined) return { words: option.argChoices, files: "none" };
  const name = option.long ?? "";
  if (name === "--output" || name === "--input") return { words: [], files: "all" };
  if (name === "--kind") return { words: KINDS.map((kind) => KIND_DIRECTORY[kind]), files: "none" };
  if (name === "--parent" && store !== undefined)
    return { words: snapshots(store).filter((ref) => ref.startsWith("committed/")), files: "none" };
  return NOTHING;
}

function operand(command: Command, operands: readonly string[], current: string): Candidates {
  const declared = command.registeredArguments;
  const argument: Argument | undefined =
    declared[operands.length] ?? (declared.at(-1)?.variadic === true ? declared.at(-1) : undefined);
  const name = argument?.name() ?? "";
  if (name === "MOUNTPOINT") return { words: mountpoints(), files: "directories" };
  if (name === "STORE" || name === "PATH") return DIRECTORIES;
  if (name === "SHELL") return { words: argument?.argChoices ?? [], files: "none" };
  const store = operands[0];
  if (store === undefined) return NOTHING;
  const at = current.indexOf("@");
  if (name.startsWith("NAME[@") && at >= 0)
    return { words: parents(store, current.slice(0, at + 1)), files: "none" };
  const isRef = name.startsWith("REF") || name.startsWith("OTHER");
  if (!isRef) return NOTHING;
  const kinds = command.name() === "commit" ? ["active/"] : ["active/", "committed/", "views/"];
  const words = snapshots(store).filter((ref) => kinds.some((kind) => ref.startsWith(kind)));
  return { words: words.filter((ref) => !operands.includes(ref)), files: "none" };
}

function parents(store: string, head: string): string[] {
  const committed = snapshots(store).filter((ref) => ref.startsWith("committed/"));
  return committed.map((ref) => `${head}${ref.slice("committed/".length)}`);
}

function mountpoints(): string[] {
  return readMountInfo()
    .filter(({ type }) => type === MOUNT_TYPE)
    .map(({ mountPoint }) => printable(mountPoint));
}

/** @returns names of snapshots. Neither waits nor locks: what cannot be had at once is left out */
function snapshots(path: string): string[] {
  try {
    const directory = resolveMountpoint(path);
    const mountpoint = mountAt(directory)?.type === MOUNT_TYPE ? directory : lockOwner(directory)?.mountpoint;
    return mountpoint === undefined ? fromStore(directory) : fromMount(mountpoint);
  } catch {
    // Not a store, or not this user's: nothing to offer, and no place for messages.
    return [];
  }
}

function fromMount(mountpoint: string): string[] {
  return KINDS.flatMap((kind) =>
    readdirSync(join(mountpoint, KIND_DIRECTORY[kind])).map((name) => `${KIND_DIRECTORY[kind]}/${name}`),
  );
}

function fromStore(directory: string): string[] {
  const reader = openReader(directory, true);
  try {
    return KINDS.flatMap((kind) =>
      reader.list(kind, undefined, MOST).map(({ key }) => refText(refOf(kind, key))),
    );
  } finally {
    reader.close();
  }
}
