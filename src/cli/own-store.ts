import { setTimeout as sleep } from "node:timers/promises";
import { rawFromText } from "../base/bytes.js";
import { Failure } from "../daemon/failure.js";
import { findUsers, type Holder } from "../daemon/holders.js";
import { createCopyEngine } from "../store/copy/engine.js";
import { openStore, type Store } from "../store/store.js";
import { contentId, type Info } from "../store/types.js";
import { errnoText } from "../sys/error.js";
import { KINDS } from "../tree/control/node-ids.js";
import { Resolver } from "../tree/control/resolver.js";
import type { Access, MakeOptions, Place } from "./access.js";
import { failureOf, notFound } from "./failures.js";
import { compareRefs, keyOfName, type Ref, refOf, refText } from "./ref.js";
import type { MountLine, Snapshot, Usage } from "./snapshot.js";

const PAGE = 256;
const POLL_MS = 100;

/** A store that nobody has mounted: this process takes its lock and works on it. */
export class OwnStore implements Access {
  readonly place: Place;
  private readonly resolver: Resolver;
  private hasRemoved = false;

  private constructor(private readonly store: Store) {
    this.place = { store: store.reader.directory, mountpoint: undefined, pid: undefined };
    this.resolver = new Resolver(store.reader);
  }

  /**
   * @param directory real path
   * @throws StoreError Busy while another process has it
   */
  static async open(directory: string): Promise<OwnStore> {
    const store = await openStore(directory, { engine: createCopyEngine() });
    for (const message of store.recovered) process.stderr.write(`snapmount: ${message}\n`);
    return new OwnStore(store);
  }

  async list(): Promise<Snapshot[]> {
    const snapshots: Snapshot[] = [];
    for (const kind of KINDS) {
      for (let page = this.store.reader.list(kind, undefined, PAGE); page.length > 0; ) {
        for (const info of page) snapshots.push(await this.snapshot(info));
        page = this.store.reader.list(kind, page.at(-1)!.key, PAGE);
      }
    }
    return snapshots;
  }

  async find(ref: Ref): Promise<Snapshot | undefined> {
    const info = this.resolver.find(ref.kind, rawFromText(ref.name))?.info;
    return info && (await this.snapshot(info));
  }

  async children(ref: Ref): Promise<Ref[]> {
    const children = this.store.reader.children(this.info(ref).id);
    return children.map(({ kind, key }) => refOf(kind, key)).sort(compareRefs);
  }

  async usage(ref: Ref): Promise<Usage> {
    const { size, inodes } = await translated(this.store.usage(this.info(ref)));
    return { size, inodes };
  }

  async path(ref: Ref): Promise<string> {
    return translated(this.store.path(this.info(ref)));
  }

  async directory(ref: Ref): Promise<string> {
    return this.path(ref);
  }

  async mounts(ref: Ref): Promise<MountLine[]> {
    const source = await this.path(ref);
    return [{ type: "bind", source, options: [ref.kind === "active" ? "rw" : "ro", "rbind"] }];
  }

  async make(ref: Ref, parent: Ref | undefined, options: MakeOptions): Promise<void> {
    const key = this.target(ref);
    const from = parent && this.info(parent, "the parent ").key;
    const mode = 0o777 & ~process.umask();
    const owner = { uid: process.geteuid!(), gid: process.getegid!(), mode };
    const { labels, signal } = options;
    const how = { labels, owner, signal };
    const info = await translated(
      ref.kind === "view" ? this.store.view(key, from, how) : this.store.prepare(key, from, how),
    );
    try {
      await this.copied(info, options);
    } catch (error) {
      await this.store.remove(info);
      throw failureOf(error) ?? error;
    }
  }

  private async copied(info: Info, options: MakeOptions): Promise<void> {
    const { signal, onProgress } = options;
    const done = this.store.whenCopied(contentId(info)).then(() => true);
    while (!(await Promise.race([done, sleep(POLL_MS, false)]))) {
      signal.throwIfAborted();
      onProgress?.(await this.store.progress(info.id));
    }
    signal.throwIfAborted();
  }

  async commit(from: Ref, to: Ref, labels: Readonly<Record<string, string>>): Promise<void> {
    const name = this.target(to);
    const info = await translated(this.store.commit(name, this.info(from).key, labels));
    await translated(this.store.whenDurable(info.id));
  }

  async remove(ref: Ref): Promise<void> {
    await translated(this.store.remove(this.info(ref)));
    this.hasRemoved = true;
  }

  async rename(from: Ref, to: Ref): Promise<void> {
    await translated(this.store.rename(this.info(from), this.target(to)));
  }

  async label(ref: Ref, changes: Readonly<Record<string, string>>): Promise<void> {
    const fields = Object.keys(changes).map((key) => `labels.${key}`);
    if (fields.length > 0) await translated(this.store.update(this.info(ref), changes, ...fields));
  }

  async hold(ref: Ref, reason: string | undefined): Promise<void> {
    await translated(this.store.hold(this.info(ref), reason));
  }

  async holders(ref: Ref): Promise<Holder[]> {
    return findUsers([await this.path(ref)], new Set([process.pid]));
  }

  async close(): Promise<void> {
    // Space is free when the command returns.
    if (this.hasRemoved) await this.store.cleanup();
    await this.store.close();
  }

  private info(ref: Ref, role = ""): Info {
    const found = this.resolver.find(ref.kind, rawFromText(ref.name));
    if (found === undefined) throw notFound(ref, role);
    return found.info;
  }

  /** @returns the key of something that is to be made */
  private target(ref: Ref): string {
    const target = this.resolver.target(ref.kind, rawFromText(ref.name));
    if (typeof target === "number")
      throw new Failure("usage", `nothing can be called ${refText(ref)}: choose another name`);
    return target.key;
  }

  private async snapshot(info: Info): Promise<Snapshot> {
    const { name } = refOf(info.kind, info.key);
    return {
      kind: info.kind,
      name,
      key: keyOfName(name),
      id: info.id,
      parent: info.parent === undefined ? undefined : refOf("committed", info.parent),
      created: new Date(info.created).toISOString(),
      updated: new Date(info.updated).toISOString(),
      labels: info.labels,
      state: await this.state(info),
      hold: info.hold,
    };
  }

  private async state(info: Info): Promise<string> {
    if (info.copy?.state === "failed") return `failed: ${info.copy.what}: ${errnoText(info.copy.errno)}`;
    if (info.kind === "committed" && (info.copy !== undefined || info.flush !== undefined))
      return "committing";
    if (info.copy === undefined) return "ready";
    return `preparing ${Math.floor(await this.store.progress(info.id))}%`;
  }
}

/** What the store refuses is told as a failure of the command. */
async function translated<T>(work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    throw failureOf(error) ?? error;
  }
}
