import { mkdir, open, readdir, readFile, readlink, rename, rmdir, unlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { Failure } from "../daemon/failure.js";
import { findUsers, type Holder } from "../daemon/holders.js";
import type { Kind } from "../store/types.js";
import { KIND_DIRECTORY, KINDS } from "../tree/control/node-ids.js";
import type { Access, MakeOptions, Place } from "./access.js";
import { alreadyExists, notFound } from "./failures.js";
import { compareRefs, keyOfName, type Ref, refOf, refText } from "./ref.js";
import type { MountLine, Snapshot, Usage } from "./snapshot.js";

const POLL_MS = 100;

/** A mounted store, used as everybody uses it: by mkdir, rename, rmdir and the files of info/. */
export class MountedStore implements Access {
  constructor(
    readonly place: Place,
    private readonly mountpoint: string,
  ) {}

  async list(): Promise<Snapshot[]> {
    const snapshots: Snapshot[] = [];
    for (const kind of KINDS) {
      const names = await readdir(join(this.mountpoint, "info", KIND_DIRECTORY[kind]));
      for (const name of names) {
        // One that has gone since then is none.
        const found = await this.find({ kind, name });
        if (found !== undefined) snapshots.push(found);
      }
    }
    return snapshots;
  }

  async find(ref: Ref): Promise<Snapshot | undefined> {
    try {
      return await this.read(ref);
    } catch (error) {
      if (isMissing(error)) return undefined;
      throw refusal(error, `reading ${refText(ref)}`, ref);
    }
  }

  private async read(ref: Ref): Promise<Snapshot> {
    const value = (name: string): Promise<string> => this.value(ref, name);
    const parent = await orUndefined(readlink(this.info(ref, "parent")));
    return {
      ...ref,
      key: keyOfName(ref.name),
      id: Number(await value("id")),
      parent: parent === undefined ? undefined : linked(parent),
      created: await value("created"),
      updated: await value("updated"),
      labels: await this.labels(ref),
      state: (await value("state")).replace(/; remove it: .*$/, ""),
      hold: await orUndefined(value("hold")),
    };
  }

  private async labels(ref: Ref): Promise<Record<string, string>> {
    const names = (await orUndefined(readdir(this.info(ref, "labels")))) ?? [];
    const labels: Record<string, string> = {};
    for (const name of names) {
      const text = await orUndefined(this.value(ref, `labels/${name}`));
      if (text !== undefined) labels[keyOfName(name)] = text;
    }
    return labels;
  }

  async children(ref: Ref): Promise<Ref[]> {
    return this.attempt(ref, "reading", async () => {
      const directory = this.info(ref, "children");
      const children: Ref[] = [];
      for (const name of await readdir(directory)) {
        const target = await orUndefined(readlink(join(directory, name)));
        if (target !== undefined) children.push(linked(target));
      }
      return children.sort(compareRefs);
    });
  }

  async usage(ref: Ref): Promise<Usage> {
    return this.attempt(ref, "counting", async () => ({
      size: Number(await this.value(ref, "size")),
      inodes: Number(await this.value(ref, "inodes")),
    }));
  }

  async path(ref: Ref): Promise<string> {
    return this.attempt(ref, "reading", () => this.value(ref, "path"));
  }

  async directory(ref: Ref): Promise<string> {
    return this.entry(ref);
  }

  async mounts(ref: Ref): Promise<MountLine[]> {
    const lines = await this.attempt(ref, "reading", () => this.value(ref, "mounts"));
    return lines.split("\n").map((line) => {
      const [type = "", ...rest] = line.split(" ");
      const options = rest.pop() ?? "";
      return { type, source: unescapeMount(rest.join(" ")), options: options.split(",") };
    });
  }

  async make(ref: Ref, parent: Ref | undefined, options: MakeOptions): Promise<void> {
    if (parent !== undefined && (await this.find(parent)) === undefined)
      throw notFound(parent, "the parent ");
    const path = this.entry(ref) + (parent === undefined ? "" : `@${parent.name}`);
    options.signal.throwIfAborted();
    await this.attempt(ref, "making", () => mkdir(path));
    try {
      await this.label(ref, options.labels);
      if (options.wait) await this.copied(ref, options);
    } catch (error) {
      await rmdir(this.info(ref));
      throw error;
    }
  }

  private async copied(ref: Ref, { signal, onProgress }: MakeOptions): Promise<void> {
    for (;;) {
      const state = await this.attempt(ref, "making", () => this.value(ref, "state"));
      if (state.startsWith("failed")) throw new Failure("store", `making ${refText(ref)}: the copy ${state}`);
      const percent = /^preparing (\d+)%/.exec(state)?.[1];
      if (percent === undefined) return;
      onProgress?.(Number(percent));
      await sleep(POLL_MS, undefined, { signal });
    }
  }

  async commit(from: Ref, to: Ref, labels: Readonly<Record<string, string>>): Promise<void> {
    await this.move(from, to, "committing");
    await this.label(to, labels);
    await this.attempt(to, "flushing", async () => {
      const directory = await open(this.entry(to));
      try {
        await directory.sync();
      } finally {
        await directory.close();
      }
    });
  }

  async remove(ref: Ref): Promise<void> {
    await this.attempt(ref, "removing", () => rmdir(this.info(ref)));
  }

  async rename(from: Ref, to: Ref): Promise<void> {
    await this.move(from, to, "renaming");
  }

  private async move(from: Ref, to: Ref, what: string): Promise<void> {
    if ((await this.find(from)) === undefined) throw notFound(from);
    if (refText(from) === refText(to)) return;
    // rename(2) refuses a taken name as ENOTEMPTY, which says less.
    if ((await this.find(to)) !== undefined) throw alreadyExists(to);
    await this.attempt(from, what, () => rename(this.entry(from), this.entry(to)), to);
  }

  async label(ref: Ref, changes: Readonly<Record<string, string>>): Promise<void> {
    for (const [key, value] of Object.entries(changes)) {
      const path = this.info(ref, `labels/${refOf("active", key).name}`);
      if (value !== "") await this.attempt(ref, "labelling", () => writeFile(path, `${value}\n`));
      else await this.attempt(ref, "labelling", () => orUndefined(unlink(path)));
    }
  }

  async hold(ref: Ref, reason: string | undefined): Promise<void> {
    const path = this.info(ref, "hold");
    if (reason !== undefined) await this.attempt(ref, "holding", () => writeFile(path, `${reason}\n`));
    else await this.attempt(ref, "releasing", () => orUndefined(unlink(path)));
  }

  async holders(ref: Ref): Promise<Holder[]> {
    // The daemon itself keeps directories open that others use.
    const besides = new Set([process.pid, this.place.pid]);
    return findUsers([this.entry(ref), await this.path(ref)], besides);
  }

  async close(): Promise<void> {
    // The mount stays, and everything is done.
  }

  private entry(ref: Ref): string {
    return join(this.mountpoint, refText(ref));
  }

  private info(ref: Ref, name = ""): string {
    return join(this.mountpoint, "info", refText(ref), name);
  }

  private async value(ref: Ref, name: string): Promise<string> {
    return (await readFile(this.info(ref, name), "utf8")).replace(/\n$/, "");
  }

  private async attempt<T>(ref: Ref, what: string, work: () => Promise<T>, target = ref): Promise<T> {
    try {
      return await work();
    } catch (error) {
      throw refusal(error, `${what} ${refText(ref)}`, ref, target);
    }
  }
}

/** @returns a source as it is, of one that is written as in fstab(5) */
function unescapeMount(text: string): string {
  return text.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)));
}

/** @returns what a relative link of info/ leads to */
function linked(target: string): Ref {
  const [directory, name = ""] = target.split("/").slice(-2);
  const kind: Kind = KINDS.find((candidate) => KIND_DIRECTORY[candidate] === directory) ?? "active";
  return { kind, name };
}

function isMissing(error: unknown): boolean {
  const { code } = error as NodeJS.ErrnoException;
  return code === "ENOENT" || code === "ESTALE";
}

async function orUndefined<T>(work: Promise<T>): Promise<T | undefined> {
  try {
    return await work;
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
}

/** @returns what an errno of the mount means */
function refusal(error: unknown, what: string, ref: Ref, target = ref): unknown {
  const { code } = error as NodeJS.ErrnoException;
  switch (code) {
    case undefined:
      return error;
    case "ENOENT":
    case "ESTALE":
      return notFound(ref);
    case "EEXIST":
    case "ENOTEMPTY":
      return alreadyExists(target);
    case "EBUSY":
      return new Failure("busy", `${what}: it is in use: snapmount why STORE ${refText(ref)} says by whom`);
    case "EROFS":
      return new Failure("store", `${what}: the store is mounted read-only`);
    case "ENOSPC":
    case "EDQUOT":
      return new Failure("resources", `${what}: no space left in the store`);
    case "EACCES":
    case "EPERM":
      return new Failure(
        "store",
        `${what}: not permitted: the owner and mode of ${KIND_DIRECTORY[target.kind]}/ on the mount decide who may`,
      );
    default:
      return error;
  }
}
