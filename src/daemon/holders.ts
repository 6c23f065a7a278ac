import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import { printable, rawFromText } from "../base/bytes.js";
import { type MountInfo, type MountRoot, readMountInfo } from "../sys/mount.js";
import { foreignMountRoots } from "../sys/mount-namespaces.js";
import { isMountOf, isWithin, mountTables, originOf, processes } from "../sys/mount-tables.js";
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
  for (const pid of processes()) {
    if (pid === process.pid) continue;
    const what = whatItHolds(pid, mountpoint);
    if (what !== undefined) holders.push({ pid, command: commandOf(pid), what });
  }
  return holders;
}

/**
 * Who uses a directory, and not only a mount: processes, and bind mounts of it or of what is below it, whose users are
 * found as well. Mounts in other mount namespaces are seen too, as far as the caller may look there (root: all).
 * @param paths real paths by which the directory is known
 * @param besides processes that do not count
 */
export function findUsers(paths: readonly string[], besides: ReadonlySet<number | undefined>): Holder[] {
  const holders: Holder[] = [];
  const places = new Set(paths);
  const { mounts, unseen } = mountsOf(paths);
  if (unseen !== undefined) {
    const what = "is mounted in a mount namespace of which no process can be seen";
    holders.push({ pid: undefined, command: unseen, what });
  }
  for (const mount of mounts) {
    places.add(printable(mount.mountPoint));
    holders.push({
      pid: undefined,
      command: mount.type,
      what: `is mounted on ${printable(mount.mountPoint)}`,
    });
  }
  for (const pid of processes()) {
    if (besides.has(pid)) continue;
    for (const place of places) {
      const what = whatItHolds(pid, place);
      if (what === undefined) continue;
      holders.push({ pid, command: commandOf(pid), what });
      break;
    }
  }
  return holders;
}

/**
 * Which other mount namespaces still have a mount that has gone here: its daemon serves them until they end.
 * @param gone the mount as it was
 * @returns the first process of each, as far as the caller may look there (root: all)
 */
export function findOtherNamespaces(gone: MountInfo): Holder[] {
  const holders: Holder[] = [];
  for (const { pid, table } of mountTables()) {
    const copy = table.find((mount) => mount.major === gone.major && mount.minor === gone.minor);
    if (copy === undefined || pid === process.pid) continue;
    const where = printable(copy.mountPoint);
    holders.push({
      pid,
      command: commandOf(pid),
      what: `has it on ${where} in a mount namespace of its own`,
    });
  }
  return holders;
}

/**
 * Mounts on and below these directories, and mounts of them elsewhere, in all mount namespaces.
 * @returns those that processes can see, and the type of the file system when there are more
 */
function mountsOf(paths: readonly string[]): { mounts: MountInfo[]; unseen: string | undefined } {
  const here = readMountInfo();
  const origins = paths.map((path) => originOf(rawFromText(path), here)).filter((o) => o !== undefined);
  const isOf = (mount: MountRoot): boolean => origins.some((origin) => isMountOf(mount, origin));
  const found = new Map<string, MountInfo>();
  let seen = 0;
  for (const { pid, table } of mountTables()) {
    for (const mount of table) {
      const isOn = paths.some((path) => isWithin(mount.mountPoint, rawFromText(path)));
      if (isOn || isOf(mount)) found.set(`${mount.mountPoint} ${mount.root}`, mount);
      if (pid !== process.pid && isOf(mount)) seen++;
    }
  }
  const foreign = foreignMountRoots()?.filter(isOf) ?? [];
  const isSameDevice = (m: MountInfo): boolean =>
    m.major === foreign[0]?.major && m.minor === foreign[0].minor;
  const unseen = foreign.length > seen ? here.find(isSameDevice)?.type : undefined;
  return { mounts: [...found.values()], unseen };
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
