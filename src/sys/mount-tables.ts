import { readdirSync, readlinkSync } from "node:fs";
import type { RawName } from "../base/bytes.js";
import { type MountInfo, type MountRoot, readMountInfo } from "./mount.js";

/** Whether a path is a directory or below it. */
export function isWithin(path: string, directory: string): boolean {
  return directory === "/" || path === directory || path.startsWith(`${directory}/`);
}

/**
 * Where in which file system a path is. What mountinfo calls a root is a path inside a file system, and so the same in
 * every mount namespace.
 * @param path a real path
 * @returns undefined when nothing is known to be mounted there
 */
export function originOf(path: RawName, mounts: readonly MountInfo[]): MountRoot | undefined {
  let best: MountInfo | undefined;
  for (const mount of mounts) {
    const isLonger = best === undefined || mount.mountPoint.length >= best.mountPoint.length;
    if (isLonger && isWithin(path, mount.mountPoint)) best = mount;
  }
  if (best === undefined) return undefined;
  const below = best.mountPoint === "/" ? path : path.slice(best.mountPoint.length);
  return {
    major: best.major,
    minor: best.minor,
    root: `${best.root === "/" ? "" : best.root}${below}` as RawName,
  };
}

/** Whether a mount shows a directory, or something below it. */
export function isMountOf(mount: MountRoot, origin: MountRoot): boolean {
  return mount.major === origin.major && mount.minor === origin.minor && isWithin(mount.root, origin.root);
}

/** @returns the processes that can be seen */
export function processes(): number[] {
  return readdirSync("/proc").map(Number).filter(Number.isInteger);
}

/** @returns the mounts of each mount namespace that may be looked at, with a process that is in it; this one's first */
export function* mountTables(): Generator<{ readonly pid: number; readonly table: MountInfo[] }> {
  const seen = new Set<string>();
  for (const pid of [process.pid, ...processes()]) {
    const namespace = namespaceOf(pid);
    if (namespace === undefined || seen.has(namespace)) continue;
    seen.add(namespace);
    try {
      yield { pid, table: readMountInfo(`/proc/${pid}/mountinfo`) };
    } catch {
      // The process has ended meanwhile; another one of its namespace may follow.
      seen.delete(namespace);
    }
  }
}

/** @returns the mount namespace of a process, or undefined when it has ended or may not be looked at (ptrace(2)) */
function namespaceOf(pid: number): string | undefined {
  try {
    return readlinkSync(`/proc/${pid}/ns/mnt`);
  } catch (error) {
    if (error instanceof Error && "code" in error) return undefined;
    throw error;
  }
}
