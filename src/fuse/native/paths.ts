import type { RawName } from "../../base/bytes.js";
import { NAME_MAX } from "../../base/limits.js";
import { ENAMETOOLONG, ENOENT, ENOTDIR } from "../../sys/errno.js";
import { Stat } from "../../sys/stat.js";
import { type Caller, type Entry, type FileSystem, type NodeId, ROOT_NODE } from "../filesystem.js";

/** Most directories that are kept with the name that leads to them. */
const MOST_KNOWN = 4096;

/** A directory that a name led to, and until when that may be believed without asking. */
interface Known {
  readonly node: NodeId;
  /** Milliseconds of performance.now(). */
  readonly until: number;
}

/**
 * libfuse speaks of paths, the file system of nodes: this walks from the one to the other, as the kernel does for the
 * kernel driver. Every node that is handed out has been counted and must be given back by put(). Directories on the way
 * are remembered for as long as the file system says.
 */
export class Paths {
  private readonly known = new Map<string, Known>();
  private readonly dropped: NodeId[] = [];
  private walks = 0;

  /** @param caller in whose name names are looked up */
  constructor(
    private readonly fs: FileSystem,
    private readonly caller: Caller,
  ) {}

  /** Follows a path from the root. @returns its node, or -errno */
  async resolve(path: RawName): Promise<NodeId> {
    if (path === "") return ROOT_NODE;
    return await this.below(path, async (parent, name) => await this.look(parent, name, entrySlot()));
  }

  /** As resolve, with the attributes of what is there; not for the root. */
  async lookup(path: RawName, out: Entry): Promise<NodeId> {
    return await this.below(path, async (parent, name) => await this.look(parent, name, out));
  }

  /** Runs work with the directory of a path and the last name in it. @returns what work answers, or -errno */
  async below(
    path: RawName,
    work: (parent: NodeId, name: RawName) => Promise<number> | number,
  ): Promise<number> {
    const names = path.split("/") as RawName[];
    const last = names.pop()!;
    if (last.length > NAME_MAX) return -ENAMETOOLONG;
    this.walks++;
    try {
      let node: NodeId = ROOT_NODE;
      for (const name of names) {
        const next = await this.step(node, name);
        if (next < 0) return next;
        node = next;
      }
      return await work(node, last);
    } finally {
      this.walks--;
      this.settle();
    }
  }

  /** Gives a node back. */
  put(node: NodeId): void {
    if (node > ROOT_NODE) this.fs.forget(node, 1);
  }

  /** A name leads somewhere else now. */
  changed(parent: NodeId, name: RawName): void {
    this.drop(`${parent}/${name}`);
  }

  /** Nothing that was remembered is to be believed any more. */
  clear(): void {
    for (const key of [...this.known.keys()]) this.drop(key);
    this.settle();
  }

  private async look(parent: NodeId, name: RawName, out: Entry): Promise<NodeId> {
    const code = await this.fs.lookup(this.caller, parent, name, out);
    if (code < 0) return code;
    return out.node === 0 ? -ENOENT : out.node;
  }

  /** A directory on the way: its node stays counted by what is remembered, or until the walk has ended. */
  private async step(parent: NodeId, name: RawName): Promise<NodeId> {
    if (name.length > NAME_MAX) return -ENAMETOOLONG;
    const key = `${parent}/${name}`;
    const known = this.known.get(key);
    if (known !== undefined && known.until > performance.now()) return known.node;
    const entry = entrySlot();
    const node = await this.look(parent, name, entry);
    this.drop(key);
    if (node < 0) return node;
    if (!entry.stat.isDirectory) {
      this.put(node);
      return -ENOTDIR;
    }
    if (this.known.size >= MOST_KNOWN) this.clear();
    this.known.set(key, { node, until: performance.now() + entry.entryTimeout });
    return node;
  }

  private drop(key: string): void {
    const known = this.known.get(key);
    if (known === undefined) return;
    this.known.delete(key);
    // Somebody may be on the way through it: nodes are given back when nobody is.
    this.dropped.push(known.node);
  }

  private settle(): void {
    if (this.walks > 0) return;
    for (const node of this.dropped.splice(0)) this.put(node);
  }
}

/** @returns an entry to be filled in by a lookup */
export function entrySlot(): Entry {
  return { node: 0, generation: 0, entryTimeout: 0, attrTimeout: 0, stat: new Stat() };
}
