import { resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { type Command, Option } from "commander";
import { Failure } from "../../daemon/failure.js";
import { DRIVERS, type DriverName, type MountRequest } from "../../daemon/request.js";
import { collect } from "../command.js";
import { EXIT, EXIT_HELP } from "../exit-codes.js";
import { parseMountOptions } from "../mount-options.js";

interface MountFlags {
  readonly options: string[];
  readonly foreground?: true;
  readonly debug?: true;
  readonly driver: DriverName;
  readonly sloppy?: true;
  readonly daemonized?: true;
}

const entry = fileURLToPath(new URL("../main.js", import.meta.url));

const MOUNT_HELP = `
STORE and MOUNTPOINT are made when they are missing. The command returns when the mount answers.
A store whose name is that of a command is called by its path: ./ls

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
  cache_timeout=SECONDS     for how long the kernel may keep names and attributes in active/ that were not changed
                            through the mount (default: a second, or longer where native changes can be watched)
  auto_unmount              unmount when the daemon is killed
  driver=NAME               as --driver, for fstab

${EXIT_HELP}`;

/** Makes mounting what the program does when no command is named. */
export function addMount(program: Command, finish: (code: number) => void): void {
  const hidden = (flags: string): Option => new Option(flags).hideHelp();
  program
    .argument("<STORE>", "directory of the store")
    .argument("<MOUNTPOINT>", "empty directory")
    .option("-o, --options <opt,…>", "mount options, see below", collect, [])
    .option("-f, --foreground", "stay in the foreground until unmounted")
    .option("-d, --debug", "print what happens on stderr; implies -f")
    .addOption(new Option("--driver <name>", "how to serve the mount").choices(DRIVERS).default(DRIVERS[0]))
    // mount(8) hands these to a helper such as mount.fuse.snapmount.
    .addOption(hidden("-s, --sloppy"))
    .addOption(hidden("-n, --no-mtab"))
    .addOption(hidden("-v, --verbose"))
    .addOption(hidden("--daemonized"))
    .addHelpText("after", MOUNT_HELP)
    .action(async (store: string, mountpoint: string, flags: MountFlags) => {
      finish(await mount(store, mountpoint, flags));
    });
}

async function mount(store: string, mountpoint: string, flags: MountFlags): Promise<number> {
  const options = parseMountOptions(flags.options, flags.sloppy === true);
  const request: MountRequest = {
    store: absolute(store, "store"),
    mountpoint: absolute(mountpoint, "mountpoint"),
    driver: options.driver ?? flags.driver,
    options,
    debug: flags.debug === true,
  };
  const { startInBackground, tellParent } = await import("../../daemon/background.js");
  if (flags.daemonized || flags.foreground || flags.debug) {
    // The process that only starts the daemon loads nothing of it.
    const { runDaemon, tryMount } = await import("../../daemon/daemon.js");
    await runDaemon(request, flags.daemonized ? tellParent : tryMount);
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
