import { lstatSync, mkdirSync, readdirSync, realpathSync, rmdirSync, statfsSync, statSync } from "node:fs";
import { dirname, join, sep } from "node:path";
import { printable, rawFromText } from "../base/bytes.js";
import { log } from "../base/log.js";
import { unmountFuse } from "../fuse/mount.js";
import { errnoText } from "../sys/error.js";
import { Failure } from "./failure.js";
import { isDeadMount, MOUNT_TYPE, mountAt, resolveMountpoint } from "./mounts.js";

const trace = log("daemon");

/** Directories that are there and fit to be used. */
export interface Places {
  readonly store: string;
  readonly mountpoint: string;
  /** Removes again what was made here, as far as it is still empty. */
  undo(): void;
}

/**
 * Makes STORE and MOUNTPOINT when they are missing, and refuses what cannot work.
 * A dead mount of ours at the mountpoint is cleared.
 * @param store absolute path
 * @param mountpoint absolute path
 * @throws Failure
 */
export function preparePlaces(store: string, mountpoint: string): Places {
  const made: string[] = [];
  const undo = (): void => {
    for (const path of made.reverse()) removeEmpty(path);
  };
  try {
    clearStaleMount(mountpoint);
    makeDirectory(store, "store", 0o700, made);
    makeDirectory(mountpoint, "mountpoint", 0o755, made);
    const places = { store: realpathSync(store), mountpoint: realpathSync(mountpoint), undo };
    refuseOverlap(places.store, places.mountpoint);
    refuseForeign(places.store);
    refuseFull(places.store);
    refuseOccupied(places.mountpoint);
    return places;
  } catch (error) {
    undo();
    throw error;
  }
}

/** Detaches what a killed daemon of ours left: mounted, and answering ENOTCONN. */
function clearStaleMount(path: string): void {
  try {
    statSync(path);
    return;
  } catch (error) {
    if (!isDeadMount(error)) return;
  }
  const mountpoint = resolveMountpoint(path);
  const mount = mountAt(mountpoint);
  if (mount?.type !== MOUNT_TYPE) {
    throw new Failure(
      "mountpoint",
      `${path} is a dead mount of type ${mount?.type ?? "unknown"}, not one of snapmount's: unmount it first (umount -l ${path})`,
    );
  }
  trace("clearing the stale mount at %s", mountpoint);
  unmountFuse(rawFromText(mountpoint), true);
}

function makeDirectory(path: string, role: "store" | "mountpoint", mode: number, made: string[]): void {
  try {
    if (statSync(path).isDirectory()) return;
    throw new Failure(
      role,
      `the ${role} ${path} is not a directory: name a directory, or a path that is still free`,
    );
  } catch (error) {
    if (error instanceof Failure) throw error;
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw unusable(error, path, role);
  }
  if (isDanglingLink(path)) {
    throw new Failure(
      role,
      `the ${role} ${path} is a symbolic link that leads nowhere: remove it or make its target`,
    );
  }
  try {
    const first = mkdirSync(dirname(path), { recursive: true }) ?? path;
    const chain: string[] = [];
    for (let at = dirname(path); at.length >= first.length && at !== path; at = dirname(at))
      chain.unshift(at);
    made.push(...chain);
    mkdirSync(path, { mode });
    made.push(path);
  } catch (error) {
    throw unusable(error, path, role);
  }
}

function isDanglingLink(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink() === true;
}

const remedies: Readonly<Record<string, string>> = {
  EROFS: "choose a place on a file system that is mounted read-write",
  EACCES: "choose a place that you may write, or run as a user who may",
  EPERM: "choose a place that you may write, or run as a user who may",
  ENOSPC: "free some space there, or choose a place on another file system",
  EDQUOT: "free some of your quota, or choose a place on another file system",
  ENOTDIR: "a component of this path is not a directory",
  ELOOP: "there are too many symbolic links in this path",
  ENAMETOOLONG: "choose a shorter path",
};

function unusable(error: unknown, path: string, role: "store" | "mountpoint"): Failure {
  const { errno = 0, code = "" } = error as NodeJS.ErrnoException;
  const remedy = remedies[code];
  return new Failure(
    code === "ENOSPC" || code === "EDQUOT" ? "resources" : role,
    `the ${role} ${path} cannot be used: ${errno === 0 ? String(error) : errnoText(Math.abs(errno))}${remedy ? ` (${remedy})` : ""}`,
  );
}

function refuseOverlap(store: string, mountpoint: string): void {
  const inside = (path: string, of: string): boolean => path.startsWith(of === sep ? of : of + sep);
  const elsewhere = "choose directories that do not contain each other";
  if (store === mountpoint) {
    throw new Failure("mountpoint", `${store} cannot be the store and the mountpoint at once: ${elsewhere}`);
  }
  if (inside(mountpoint, store)) {
    throw new Failure(
      "mountpoint",
      `the mountpoint ${mountpoint} is inside the store ${store}: ${elsewhere}`,
    );
  }
  if (inside(store, mountpoint)) {
    throw new Failure(
      "mountpoint",
      `the store ${store} is inside the mountpoint ${mountpoint}: ${elsewhere}`,
    );
  }
}

/** What a store that was not made to its end may consist of, and what mkfs puts into a file system. */
export const MAKINGS: readonly string[] = ["lock", "snapshots", "metadata.mdb-lock", "lost+found"];

/** A directory with other content is no store: most likely it was named by mistake. */
function refuseForeign(store: string): void {
  let names: string[];
  try {
    names = readdirSync(store);
  } catch (error) {
    throw unusable(error, store, "store");
  }
  const foreign = names.find((name) => !MAKINGS.includes(name));
  if (names.includes("metadata.mdb") || foreign === undefined) return;
  throw new Failure(
    "store",
    `the store ${store} holds something else (${JSON.stringify(foreign)}): name a store, an empty directory or a path that is still free`,
  );
}

/** Bytes that a new store takes at most while it is empty. */
const NEW_STORE_BYTES = 2 ** 20;

/**
 * A new store needs room: its database is mapped into memory, where a full disk is no error but SIGBUS. A store that is
 * there has its room already, and must open on a full disk, so that something can be removed from it.
 */
function refuseFull(store: string): void {
  if ((statSync(join(store, "metadata.mdb"), { throwIfNoEntry: false })?.size ?? 0) > 0) return;
  const { blocks, bfree, bavail, bsize } = statfsSync(store);
  const free = (process.geteuid?.() === 0 ? bfree : bavail) * bsize;
  // File systems without a limit report no blocks at all.
  if (blocks === 0 || free >= NEW_STORE_BYTES) return;
  throw new Failure(
    "resources",
    `no space left for the store ${store}: a new one needs ${NEW_STORE_BYTES / 1024} KiB and ${Math.floor(free / 1024)} KiB are free: free some space there, or choose a place on another file system`,
  );
}

function refuseOccupied(mountpoint: string): void {
  const mount = mountAt(mountpoint);
  if (mount !== undefined) {
    const source = printable(mount.source);
    const remedy = mount.type === MOUNT_TYPE ? `snapmount umount ${mountpoint}` : `umount ${mountpoint}`;
    throw new Failure(
      "mountpoint",
      `${mountpoint} is already mounted (${source}, type ${mount.type}): choose another mountpoint, or first run: ${remedy}`,
    );
  }
  try {
    if (readdirSync(mountpoint).length === 0) return;
  } catch (error) {
    throw unusable(error, mountpoint, "mountpoint");
  }
  throw new Failure(
    "mountpoint",
    `the mountpoint ${mountpoint} is not empty: choose an empty directory or one that does not exist yet`,
  );
}

function removeEmpty(path: string): void {
  try {
    rmdirSync(path);
  } catch (error) {
    trace("%s stays: %s", path, error);
  }
}
