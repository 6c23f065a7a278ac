#!/usr/bin/env node
import { runCommandLine } from "./program.js";

// What mount(8) runs as /sbin/mount.fuse.snapmount (see host-files.ts), with an empty environment:
//   mount.fuse.snapmount STORE MOUNTPOINT [-sfnv] [-N NAMESPACE] [-o OPTIONS] [-t TYPE]

/** @returns the command line that means the same, or an exit code when there is nothing to do */
function translate(args: readonly string[]): string[] | number {
  const command: string[] = [];
  const rest = [...args];
  for (let arg = rest.shift(); arg !== undefined; arg = rest.shift()) {
    if (arg === "-o") command.push(`--options=${rest.shift() ?? ""}`);
    else if (arg === "-t" || arg === "-N") rest.shift();
    else if (/^-[sfnv]+$/.test(arg)) {
      // mount -f only pretends.
      if (arg.includes("f")) return 0;
      if (arg.includes("s")) command.push("--sloppy");
    } else if (arg === "-w" || arg === "-r") command.push(`--options=r${arg === "-r" ? "o" : "w"}`);
    else command.push(arg);
  }
  return command;
}

process.env["PATH"] ??= "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
const command = translate(process.argv.slice(2));
process.exitCode = typeof command === "number" ? command : await runCommandLine(command);
