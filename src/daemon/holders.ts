import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import { mountsBelow } from "./mounts.js";

/** Something that keeps a mount busy. */
export interface Holder {
  /** Undefined for a mount on top of ours. */
  readonly pid: number | undefined;
  readonly command: string;
  /** For example `has /mnt/active/web/log open`. */
  readonly what: string;
}

/**
 * Who keeps a mount busy: processes with a file of it open or mapped, or their working or root directory in it, and
 * mounts below it. Looks at links and maps in /proc only, never at the mount itself, which may not answer.
 * @param mountpoint real path
 * @returns one for each process, as far as the caller may see them (root: all)
 */
export function findHolders(mountpoint: string): Holder[] {
  const holders: Holder[] = [];
  for (const mount of mountsBelow(mountpoint)) {
    if (mount.mountPoint !== mountpoint) {
      holders.push({ pid: undefined, command: mount.type, what: `is mounted on ${mount.mountPoint}` });
    }
  }
  for (const entry of readdirSync("/proc")) {
    const pid = Number(entry);
    if (!Number.isInteger(pid) || pid === process.pid) continue;
    const what = whatItHolds(pid, mountpoint);
    if (what !== undefined) holders.push({ pid, command: commandOf(pid), what });
  }
  return holders;
}

/** @returns the holders as text, one a line, or that none can be seen */
export function describeHolders(holders: readonly Holder[]): string {
  if (holders.length === 0) return "  (no process that may be seen from here; try again as root)";
  return holders
    .map(
      (holder) =>
        `  ${holder.command}${holder.pid === undefined ? "" : ` (pid ${holder.pid})`} ${holder.what}`,
    )
    .join("\n");
}

function whatItHolds(pid: number, mountpoint: string): string | undefined {
  const inside = (path: string | undefined): path is string =>
    path !== undefined && (path === mountpoint || path.startsWith(`${mountpoint}/`));
  const cwd = readLink(`/proc/${pid}/cwd`);
  if (inside(cwd)) return `works in ${cwd}`;
  const root = readLink(`/proc/${pid}/root`);
  if (inside(root)) return `has its root directory in ${root}`;
  for (const fd of readOrEmpty(() => readdirSync(`/proc/${pid}/fd`))) {
    const path = readLink(`/proc/${pid}/fd/${fd}`);
    if (inside(path)) return `has ${path} open`;
  }
  for (const line of readOrEmpty(() => readFileSync(`/proc/${pid}/maps`, "utf8").split("\n"))) {
    const slash = line.indexOf("/");
    const path = slash < 0 ? undefined : line.slice(slash);
    if (inside(path)) return `has ${path} mapped`;
  }
  return undefined;
}

function readLink(path: string): string | undefined {
  try {
    return readlinkSync(path);
  } catch {
    // The process has ended, or is not ours to look at.
    return undefined;
  }
}

function readOrEmpty(read: () => string[]): string[] {
  try {
    return read();
  } catch {
    // As above.
    return [];
  }
}

function commandOf(pid: number): string {
  return readOrEmpty(() => [readFileSync(`/proc/${pid}/comm`, "utf8").trim()])[0] ?? "?";
}
