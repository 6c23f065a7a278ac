import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { Command, CommanderError, Option } from "commander";
import { startInBackground, tellParent } from "../daemon/background.js";
import { runDaemon, tryMount } from "../daemon/daemon.js";
import { detach } from "../daemon/detach.js";
import { Failure } from "../daemon/failure.js";
import { DRIVERS, type DriverName, type MountRequest } from "../daemon/request.js";
import { EXIT, EXIT_HELP, exitCodeOf } from "./exit-codes.js";
import { parseMountOptions } from "./mount-options.js";

interface MountFlags {
  readonly options: string[];
  readonly foreground?: true;
  readonly debug?: true;
  readonly driver: DriverName;
  readonly sloppy?: true;
  readonly daemonized?: true;
}

const entry = fileURLToPath(new URL("./main.js", import.meta.url));

const MOUNT_HELP = `
STORE and MOUNTPOINT are made when they are missing. The command returns when the mount answers.

Mount options (-o, separated by commas):
  ro, rw                    only read, or read and write (default rw)
  allow_other               let other users in (default for root)
  suid, dev                 honour set-user-ID bits and devices (default nosuid,nodev)
  exec, noexec, sync, async, dirsync, atime, noatime, diratime, nodiratime, relatime, strictatime
                            as in mount(8)
  uid=N, gid=N, umask=M     owner and permissions of the control directories
  fsname=NAME               what df and findmnt show as the source (default: STORE)
  prepare=sync|background   whether mkdir waits for the copy of the parent (default background)
  passthrough, nopassthrough
                            let the kernel read and write files by itself (default where it can)
  auto_unmount              unmount when the daemon is killed

${EXIT_HELP}`;

/**
 * Runs one command line.
 * @param argv arguments without the program's own
 * @returns the exit code; messages have been printed
 */
export async function runCommandLine(argv: readonly string[]): Promise<number> {
  let code: number = EXIT.ok;
  const program = createProgram((outcome) => {
    code = outcome;
  });
  try {
    await program.parseAsync(argv, { from: "user" });
    return code;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.ok : EXIT.usage;
    if (error instanceof Failure) {
      process.stderr.write(`snapmount: ${error.message}\n`);
      return exitCodeOf(error.kind);
    }
    process.stderr.write(
      `snapmount: internal error: ${error instanceof Error ? error.stack : String(error)}\n`,
    );
    return EXIT.internal;
  }
}

function createProgram(finish: (code: number) => void): Command {
  const hidden = (flags: string): Option => new Option(flags).hideHelp();
  const program = new Command("snapmount")
    .description(
      "A snapshot store used with mkdir, mv and rmdir: mounts STORE at MOUNTPOINT (see README there).",
    )
    .usage("STORE MOUNTPOINT [options]\n       snapmount umount MOUNTPOINT")
    .argument("<STORE>", "directory of the store")
    .argument("<MOUNTPOINT>", "empty directory")
    .option("-o, --options <opt,…>", "mount options, see below", append, [])
    .option("-f, --foreground", "stay in the foreground until unmounted")
    .option("-d, --debug", "print what happens on stderr; implies -f")
    .addOption(new Option("--driver <name>", "how to serve the mount").choices(DRIVERS).default(DRIVERS[0]))
    // mount(8) hands these to a helper such as mount.fuse.snapmount.
    .addOption(hidden("-s, --sloppy"))
    .addOption(hidden("-n, --no-mtab"))
    .addOption(hidden("-v, --verbose"))
    .addOption(hidden("--daemonized"))
    .version(version(), "-V, --version", "print the version")
    .helpOption("-h, --help", "print this help")
    .helpCommand(false)
    .addHelpText("after", MOUNT_HELP)
    .exitOverride()
    .configureOutput({
      outputError: (text, write) => write(`${text.replace(/^error:/, "snapmount:")}`),
    })
    .showHelpAfterError("(snapmount --help explains it)")
    .action(async (store: string, mountpoint: string, flags: MountFlags) => {
      finish(await mount(store, mountpoint, flags));
    });
  program
    .command("umount")
    .description("unmount, and wait until the store is closed")
    .argument("<MOUNTPOINT>")
    .action(async (mountpoint: string) => {
      await detach(resolve(mountpoint), (message) => process.stderr.write(`snapmount: ${message}\n`));
    });
  return program;
}

async function mount(store: string, mountpoint: string, flags: MountFlags): Promise<number> {
  const request: MountRequest = {
    store: absolute(store, "store"),
    mountpoint: absolute(mountpoint, "mountpoint"),
    driver: flags.driver,
    options: parseMountOptions(flags.options, flags.sloppy === true),
    debug: flags.debug === true,
  };
  if (flags.daemonized) {
    await runDaemon(request, tellParent);
    return EXIT.ok;
  }
  if (flags.foreground || flags.debug) {
    await runDaemon(request, tryMount);
    return EXIT.ok;
  }
  return await startInBackground([
    entry,
    "--daemonized",
    `--driver=${request.driver}`,
    ...(flags.sloppy ? ["--sloppy"] : []),
    ...flags.options.map((list) => `--options=${list}`),
    "--",
    request.store,
    request.mountpoint,
  ]);
}

function absolute(path: string, role: "store" | "mountpoint"): string {
  if (path === "") throw new Failure("usage", `the ${role} is an empty word: name a directory`);
  return resolve(path);
}

function append(value: string, before: string[]): string[] {
  return [...before, value];
}

function version(): string {
  const text = readFileSync(new URL("../../../package.json", import.meta.url), "utf8");
  return (JSON.parse(text) as { version: string }).version;
}
