import { setTimeout as sleep } from "node:timers/promises";
import { printable } from "../base/bytes.js";
import { log } from "../base/log.js";
import { isRunning, lockOwner } from "../store/lock.js";
import { EBUSY } from "../sys/errno.js";
import { Failure, messageOf } from "./failure.js";
import { describeHolders, findHolders, findOtherNamespaces } from "./holders.js";
import { MOUNT_TYPE, mountAt, resolveMountpoint } from "./mounts.js";
import { unmount } from "./unmount.js";

const trace = log("daemon");
const POLL_MS = 20;
/** After so long somebody wants to know what is waited for, in milliseconds. */
const EXPLAIN_MS = 2000;
/** How long a daemon that has closed its store may take to end, in milliseconds. */
const ENDING_MS = 2000;

/**
 * Unmounts a mount of ours and waits until its daemon has closed the store and ended, so that the store may be used at
 * once, and its file system be unmounted.
 * @param path of the mountpoint
 * @param explain called when that lasts, with what is waited for
 * @throws Failure when nothing of ours is mounted there, or when it is busy (with the names of those who use it)
 */
export async function detach(path: string, explain: (message: string) => void): Promise<void> {
  const mountpoint = resolve(path);
  const mount = mountAt(mountpoint);
  if (mount?.type !== MOUNT_TYPE) {
    const what =
      mount === undefined ? "nothing is mounted there" : `what is mounted there is of type ${mount.type}`;
    throw new Failure(
      "mountpoint",
      `${path} is not a mountpoint of snapmount: ${what} (findmnt -t ${MOUNT_TYPE} lists them)`,
    );
  }
  const source = printable(mount.source);
  const probe = daemonProbe(source);
  const outcome = await unmount(mountpoint);
  if (outcome.errno === EBUSY) {
    throw new Failure(
      "busy",
      `${mountpoint} is busy and stays mounted:\n${describeHolders(findHolders(mountpoint))}`,
    );
  }
  if (outcome.errno !== 0) {
    throw new Failure("mountpoint", `${mountpoint} cannot be unmounted: ${outcome.message}`);
  }
  const explainAt = Date.now() + EXPLAIN_MS;
  let explained = false;
  const { owner } = probe;
  while (probe.isStillUsed()) {
    if (!explained && Date.now() > explainAt) {
      const others = findOtherNamespaces(mount);
      const why = others.length === 0 ? "" : `, which others still use:\n${describeHolders(others)}`;
      explain(`waiting until the store ${source} is closed${why}`);
      explained = true;
    }
    await sleep(POLL_MS);
  }
  // The store is closed, but until its process has ended that may keep the file system busy that the store is on.
  const patience = Date.now() + ENDING_MS;
  while (owner !== undefined && isRunning(owner) && Date.now() < patience) await sleep(POLL_MS);
}

function resolve(path: string): string {
  try {
    return resolveMountpoint(path);
  } catch (error) {
    throw new Failure("mountpoint", `${path} cannot be resolved: ${messageOf(error)}`);
  }
}

/** @returns the daemon of this mount and whether it still has the store, as far as that can be seen */
function daemonProbe(source: string): { owner: number | undefined; isStillUsed: () => boolean } {
  const owner = ownerOf(source);
  return { owner, isStillUsed: () => owner !== undefined && ownerOf(source) === owner };
}

/** @returns the process that owns the store, unless `source` is not a store (option fsname) or may not be looked at */
function ownerOf(source: string): number | undefined {
  if (!source.startsWith("/")) return undefined;
  try {
    return lockOwner(source)?.pid;
  } catch (error) {
    trace("no lock to be seen in %s: %s", source, error);
    return undefined;
  }
}
