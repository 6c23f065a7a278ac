import { chmodSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { Failure } from "../../daemon/failure.js";
import type { AddCommand } from "../command.js";
import { type HostFile, hostFiles } from "../host-files.js";
import { printLine } from "../output.js";

export const addInstall: AddCommand = (program) => {
  program
    .command("install")
    .summary("let mount(8), fstab and systemd know snapmount")
    .description(
      "Writes the helper for `mount -t fuse.snapmount STORE MOUNTPOINT` and fstab, and the systemd unit snapmount@.service, with the absolute paths of this installation. Needs root.",
    )
    .option("--root <directory>", "below which directory", "/")
    .option("--remove", "remove them again")
    .action((options: { readonly root: string; readonly remove?: true }) => {
      for (const file of hostFiles()) {
        const path = join(options.root, file.path);
        change(path, () => (options.remove ? remove(path) : write(path, file)));
        printLine(path);
      }
    });
};

function change(path: string, work: () => void): void {
  try {
    work();
  } catch (error) {
    if (error instanceof Failure) throw error;
    const { code, message } = error as NodeJS.ErrnoException;
    const remedy = code === "EACCES" || code === "EPERM" ? ": run it as root" : "";
    throw new Failure("host", `${path} cannot be changed (${message})${remedy}`);
  }
}

const isOurs = (path: string): boolean =>
  readFileSync(path, "utf8").includes("Written by `snapmount install`");

function write(path: string, file: HostFile): void {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, file.text, { mode: file.mode });
  chmodSync(path, file.mode);
}

function remove(path: string): void {
  try {
    if (!isOurs(path)) throw new Failure("host", `${path} was not written by snapmount install: it stays`);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return;
    throw error;
  }
  rmSync(path);
}
