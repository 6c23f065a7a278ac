import { readdirSync, readlinkSync } from "node:fs";
import type { RawName } from "../../base/bytes.js";
import { log } from "../../base/log.js";
import { type MountInfo, readMountInfo } from "../../sys/mount.js";
import { foreignMountRoots, type MountRoot } from "../../sys/mount-namespaces.js";

const debug = log("tree");

/**
 * Whether the directory of a snapshot, or something in it, is mounted somewhere: in this mount namespace, or in any
 * other that can be seen.
 * @param snapshots real path of the store's snapshots/
 */
export function isBindMounted(snapshots: RawName, id: number): boolean {
  const own = readMountInfo();
  const home = homeOf(own, snapshots);
  if (home === undefined) return false;
  // mountinfo gives roots as paths inside their file system, which are the same in every namespace.
  const top = home.root === "/" ? "" : home.root;
  const below = home.mountPoint === "/" ? snapshots : snapshots.slice(home.mountPoint.length);
  const directory = `${top}${below}/${id}`;
  const isOfSnapshot = (m: MountRoot): boolean =>
    m.major === home.major && m.minor === home.minor && isUnder(m.root, directory);
  if (own.some(isOfSnapshot)) return true;
  // There may be a thousand processes, and hardly any other namespace.
  return (
    foreignMountRoots()?.some(isOfSnapshot) ??
    mountsOfProcesses().some((mounts) => mounts().some(isOfSnapshot))
  );
}

/** @returns the mount that a path is on */
function homeOf(mounts: readonly MountInfo[], path: RawName): MountInfo | undefined {
  return mounts
    .filter((m) => isUnder(path, m.mountPoint))
    .sort((a, b) => a.mountPoint.length - b.mountPoint.length)
    .at(-1);
}

function isUnder(path: string, top: string): boolean {
  return path === top || top === "/" || path.startsWith(`${top}/`);
}

/**
 * Where the kernel does not list namespaces: by way of the processes in them.
 * @returns for each other mount namespace a function that reads its mounts; a process that ends meanwhile has none
 */
function mountsOfProcesses(): (() => MountInfo[])[] {
  const processes = new Map<string, string>();
  for (const pid of readdirSync("/proc")) {
    if (!/^\d+$/.test(pid)) continue;
    const namespace = namespaceOf(pid);
    if (namespace !== undefined && !processes.has(namespace)) processes.set(namespace, pid);
  }
  const own = namespaceOf("self");
  if (own !== undefined) processes.delete(own);
  return [...processes.values()].map((pid) => () => mountsOf(pid));
}

/** @returns the mount namespace of a process, or undefined when it has ended or may not be looked at (ptrace(2)) */
function namespaceOf(pid: string): string | undefined {
  try {
    return readlinkSync(`/proc/${pid}/ns/mnt`);
  } catch (error) {
    if (error instanceof Error && "code" in error) return undefined;
    throw error;
  }
}

function mountsOf(pid: string): MountInfo[] {
  try {
    return readMountInfo(`/proc/${pid}/mountinfo`);
  } catch (error) {
    debug("the mounts of process %s cannot be read: %s", pid, error);
    return [];
  }
}
