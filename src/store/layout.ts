import { randomBytes } from "node:crypto";
import { type RawName, rawFromText } from "../base/bytes.js";
import { O_CLOEXEC, O_DIRECTORY, O_RDONLY } from "../sys/constants.js";
import { listDir, makeDirAt, renameAt, seekDir } from "../sys/dir.js";
import { ENOENT } from "../sys/errno.js";
import { check } from "../sys/error.js";
import { fault } from "../sys/fault.js";
import { close, openAt } from "../sys/file.js";
import { type FsStat, Stat, statAt, statFs, uniqueMountId } from "../sys/stat.js";
import type { Beside } from "./copy/types.js";

const NEW = "new-";
const REMOVED = "rm-";

/** @returns the native directory of a snapshot of the store in a directory */
export function snapshotPath(directory: string, id: number): string {
  return `${directory}/snapshots/${id}`;
}

/** What a name in `snapshots/` stands for. */
export type Found =
  | { readonly type: "snapshot" | "removed"; readonly id: number }
  | { readonly type: "unfinished"; readonly name: string };

/** The directories of a store (DESIGN: snapshots/ID, new-…, rm-ID). */
export class Layout {
  readonly snapshots: string;
  private readonly fd: number;

  /** @param directory absolute path of the store, which exists */
  constructor(readonly directory: string) {
    this.snapshots = `${directory}/snapshots`;
    const raw = rawFromText(this.snapshots);
    const made = makeDirAt(-100, raw, 0o700);
    if (made < 0) {
      const stat = new Stat();
      check(statAt(stat, -100, raw) < 0 ? made : 0, "mkdir", this.snapshots);
    }
    this.fd = check(openAt(-100, raw, O_RDONLY | O_DIRECTORY | O_CLOEXEC), "open", this.snapshots);
  }

  /** The native directory of a snapshot. */
  path(id: number): string {
    return snapshotPath(this.directory, id);
  }

  /** What there may be beside a snapshot's directory until its copy is complete. */
  beside(id: number): Beside {
    return besideOf(`${this.snapshots}/${NEW}${id}`);
  }

  removedPath(id: number): string {
    return `${this.snapshots}/${REMOVED}${id}`;
  }

  /** @returns a fresh path for something that is being made */
  unfinished(): string {
    return `${this.snapshots}/${NEW}${randomBytes(8).toString("hex")}`;
  }

  /** Gives what was made under `unfinished` its place. @throws SysError */
  publish(unfinished: string, id: number): void {
    check(this.rename("publish", baseName(unfinished), String(id)), "rename", unfinished);
  }

  /** Takes publish() back. */
  withdraw(unfinished: string, id: number): void {
    check(this.rename("withdraw", String(id), baseName(unfinished)), "rename", this.path(id));
  }

  /** Sets a snapshot's directory aside for deletion. One that is not there is no failure. @returns whether it was there */
  discard(id: number): boolean {
    const code = this.rename("discard", String(id), `${REMOVED}${id}`);
    if (code === -ENOENT) return false;
    check(code, "rename", this.path(id));
    return true;
  }

  /** Takes discard() back. */
  restore(id: number): void {
    check(this.rename("restore", `${REMOVED}${id}`, String(id)), "rename", this.removedPath(id));
  }

  exists(path: string): boolean {
    return statAt(new Stat(), -100, rawFromText(path)) >= 0;
  }

  /** @returns everything in `snapshots/` whose name this version gives */
  list(): Found[] {
    check(seekDir(this.fd, 0n), "lseek", this.snapshots);
    const entries = listDir(this.fd);
    if (typeof entries === "number") check(entries, "readdir", this.snapshots);
    const found: Found[] = [];
    for (const { name } of entries as Exclude<typeof entries, number>) {
      const what = this.parse(name);
      if (what !== undefined) found.push(what);
    }
    return found;
  }

  /** @returns what a name in `snapshots/` stands for, or undefined for one that no version gives */
  parse(name: string): Found | undefined {
    if (/^[1-9]\d*$/.test(name)) return { type: "snapshot", id: Number(name) };
    if (/^rm-[1-9]\d*$/.test(name)) return { type: "removed", id: Number(name.slice(REMOVED.length)) };
    return name.startsWith(NEW) ? { type: "unfinished", name } : undefined;
  }

  /** @returns size and free space of the file system */
  space(): FsStat {
    const out: FsStat = {
      type: 0,
      bsize: 0,
      blocks: 0,
      bfree: 0,
      bavail: 0,
      files: 0,
      ffree: 0,
      namelen: 0,
      frsize: 0,
    };
    check(statFs(out, this.fd), "statfs", this.snapshots);
    return out;
  }

  /** @returns what identifies the mount that the store is on, until it is mounted again */
  mountId(): string {
    const id = uniqueMountId(this.fd);
    if (id > 0) return `m${id}`;
    const stat = new Stat();
    check(statAt(stat, this.fd, ""), "statx", this.snapshots);
    return `d${stat.dev}`;
  }

  close(): void {
    close(this.fd);
  }

  /** @param step the name by which tests make it fail */
  private rename(step: string, from: string, to: string): number {
    return fault(step) || renameAt(this.fd, from as RawName, this.fd, to as RawName);
  }
}

/** @returns what there may be beside a directory that is being made under a path; begins with that path */
export function besideOf(path: string): Beside {
  return { links: `${path}.links`, snapshot: `${path}.snapshot` };
}

function baseName(path: string): string {
  return path.slice(path.lastIndexOf("/") + 1);
}
