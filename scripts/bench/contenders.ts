import { execFileSync } from "node:child_process";
import { mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { loadFuseNative } from "../../src/fuse/native/package.js";
import { isInstalled } from "./shell.js";

export const SNAPMOUNT = fileURLToPath(new URL("../../src/cli/main.js", import.meta.url));

/** What takes it for granted that nobody changes anything natively. */
export const EXCLUSIVE = "snapmount -o cache_timeout=86400";

/** A contender at work. */
export interface Started {
  /** The directory to work in, on the mount. */
  readonly base: string;
  /** Of a FUSE mount, or undefined. */
  readonly mountpoint: string | undefined;
  stop(): void;
}

/** A way to reach a directory of a disk. */
export interface Contender {
  readonly name: string;
  /** Why it cannot take part, or undefined. */
  readonly absence: () => string | undefined;
  /**
   * @param disk a directory on a fresh file system, its own
   * @param mountpoint an empty directory, its own
   * @param fill puts what the rows need into the native directory that will be seen at base
   */
  start(disk: string, mountpoint: string, fill: (directory: string) => void): Started;
}

/** Makes `name` below parent, which the contender is about to show. */
function filled(parent: string, name: string, fill: (directory: string) => void): string {
  const directory = join(parent, name);
  mkdirSync(directory, { recursive: true });
  fill(directory);
  return directory;
}

const native: Contender = {
  name: "native",
  absence: () => undefined,
  start(disk, _mountpoint, fill) {
    return { base: filled(disk, "native", fill), mountpoint: undefined, stop: () => undefined };
  },
};

/** @param options of `snapmount -o` */
function snapmount(name: string, options: readonly string[], absence?: () => string | undefined): Contender {
  return {
    name,
    absence: absence ?? (() => undefined),
    start(disk, mountpoint, fill) {
      const store = join(disk, "store");
      mkdirSync(store, { mode: 0o700 });
      const given = options.length > 0 ? ["-o", options.join(",")] : [];
      execFileSync(process.execPath, [SNAPMOUNT, store, mountpoint, ...given], { stdio: "inherit" });
      const base = join(mountpoint, "active/bench");
      mkdirSync(base);
      fill(readFileSync(join(mountpoint, "info/active/bench/path"), "utf8").trimEnd());
      return {
        base,
        mountpoint,
        stop: () => execFileSync(process.execPath, [SNAPMOUNT, "umount", mountpoint], { stdio: "inherit" }),
      };
    },
  };
}

const bindfs: Contender = {
  name: "bindfs",
  absence: () => (isInstalled("bindfs") ? undefined : "bindfs is not installed"),
  start(disk, mountpoint, fill) {
    execFileSync("bindfs", [filled(disk, "bindfs", fill), mountpoint]);
    return { base: mountpoint, mountpoint, stop: () => execFileSync("umount", [mountpoint]) };
  },
};

const fuseOverlayfs: Contender = {
  name: "fuse-overlayfs",
  absence: () => (isInstalled("fuse-overlayfs") ? undefined : "fuse-overlayfs is not installed"),
  start(disk, mountpoint, fill) {
    const upper = filled(disk, "upper", fill);
    const [lower, work] = [join(disk, "lower"), join(disk, "work")];
    mkdirSync(lower);
    mkdirSync(work);
    execFileSync("fuse-overlayfs", ["-o", `lowerdir=${lower},upperdir=${upper},workdir=${work}`, mountpoint]);
    return { base: mountpoint, mountpoint, stop: () => execFileSync("umount", [mountpoint]) };
  },
};

function fuseNativeAbsence(): string | undefined {
  try {
    loadFuseNative();
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

export const CONTENDERS: readonly Contender[] = [
  native,
  snapmount("snapmount", []),
  snapmount("snapmount -o nopassthrough", ["nopassthrough"]),
  // As fuse-overlayfs, which keeps names and attributes for as long as it can.
  snapmount(EXCLUSIVE, ["cache_timeout=86400"]),
  snapmount("snapmount --driver fuse-native", ["driver=fuse-native"], fuseNativeAbsence),
  bindfs,
  fuseOverlayfs,
];
