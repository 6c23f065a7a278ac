import { assert } from "../../base/assert.js";
import type { RawName } from "../../base/bytes.js";
import { S_IFMT } from "../../sys/constants.js";
import { type Stat, stamp } from "../../sys/stat.js";
import { CONTROL_NODES } from "../entries.js";
import type { EntryState } from "./entry-state.js";

const FIRST_CAPACITY = 4096;
/** Ids 0 and 1 are taken: "none" and the root of the mount. */
const FIRST_NODE = 2;

/**
 * The nodes of all entries that the kernel knows, in columns: half a million of them have to fit beside
 * everything else in 300 MB, which objects would not.
 *
 * A node is a file's identity (entry, device, inode number) with the name under which it was last seen. It
 * lives while the kernel has it looked up, or while it is the parent of one that lives.
 */
export class NodeTable {
  private entries: (EntryState | undefined)[] = [];
  private names: RawName[] = [];
  private inos = new Float64Array(FIRST_CAPACITY);
  private devs = new Float64Array(FIRST_CAPACITY);
  /** Birth times: the native file system gives an inode number again as soon as it is free. */
  private births = new Float64Array(FIRST_CAPACITY);
  private parents = new Uint32Array(FIRST_CAPACITY);
  private lookups = new Float64Array(FIRST_CAPACITY);
  private children = new Uint32Array(FIRST_CAPACITY);
  private types = new Uint16Array(FIRST_CAPACITY);
  private generations = new Uint32Array(FIRST_CAPACITY);
  private free: number[] = [];
  private next = FIRST_NODE;
  private live = 0;

  /**
   * @param onFree told of each node that ends, while its fields can still be read
   * @param onUnused told of an entry of which no node is left. Not later by a microtask: under load the session has none
   */
  constructor(
    private readonly onFree: (node: number) => void,
    private readonly onUnused: (entry: EntryState) => void,
  ) {}

  /** How many nodes live. */
  get size(): number {
    return this.live;
  }

  /** @returns the entry to which a live node belongs, or undefined for a node that does not live */
  entry(node: number): EntryState | undefined {
    return this.entries[node];
  }

  name(node: number): RawName {
    return this.names[node]!;
  }

  /** 0 for the root directory of an entry. */
  parent(node: number): number {
    return this.parents[node]!;
  }

  ino(node: number): number {
    return this.inos[node]!;
  }

  dev(node: number): number {
    return this.devs[node]!;
  }

  /** Whether the kernel knows something in a directory. */
  hasChildren(node: number): boolean {
    return this.children[node]! > 0;
  }

  /** Whether stat is of the node's file, and not of another one that has its name or its inode number now. */
  is(node: number, stat: Readonly<Stat>): boolean {
    return (
      stat.ino === this.inos[node] && stat.dev === this.devs[node] && birthOf(stat) === this.births[node]
    );
  }

  /** The S_IFMT bits. */
  type(node: number): number {
    return this.types[node]!;
  }

  generation(node: number): number {
    return this.generations[node]!;
  }

  /** @returns the live node of the file that stat is of, or 0 */
  of(entry: EntryState, stat: Readonly<Stat>): number {
    const node = entry.nodeOf(stat.dev, stat.ino);
    return node !== 0 && this.is(node, stat) ? node : 0;
  }

  /**
   * Finds or makes the node of a file that was just seen under a name, and notes that name.
   * The lookup count stays; see addLookup.
   * @param parent node of its directory, 0 for the root of an entry
   */
  intern(entry: EntryState, parent: number, name: RawName, stat: Readonly<Stat>): number {
    const { dev, ino } = stat;
    const type = stat.mode & S_IFMT;
    const known = entry.nodeOf(dev, ino);
    if (known !== 0) {
      // The number may have been given to another file since; the kernel must not take them for one.
      if (this.types[known] === type && this.is(known, stat)) {
        this.place(known, parent, name);
        return known;
      }
      entry.forgetNode(dev, ino, known);
    }
    const node = this.free.pop() ?? this.next++;
    assert(node < CONTROL_NODES, "node ids run out");
    if (node >= this.inos.length) this.grow();
    this.entries[node] = entry;
    this.names[node] = name;
    this.inos[node] = ino;
    this.devs[node] = dev;
    this.births[node] = birthOf(stat);
    this.parents[node] = parent;
    this.lookups[node] = 0;
    this.children[node] = 0;
    this.types[node] = type;
    this.generations[node]!++;
    if (parent !== 0) this.children[parent]!++;
    entry.addNode(dev, ino, node);
    this.live++;
    return node;
  }

  /** Notes that a node is now to be found under another name. */
  place(node: number, parent: number, name: RawName): void {
    const before = this.parents[node]!;
    if (before === parent) {
      if (this.names[node] !== name) this.names[node] = name;
      return;
    }
    // The root of an entry keeps its place whatever is seen below.
    if (before === 0 || parent === 0 || parent === node) return;
    this.names[node] = name;
    this.parents[node] = parent;
    this.children[parent]!++;
    this.children[before]!--;
    this.collect(before);
  }

  /** Notes that another file has taken the place of a node's. */
  replace(node: number, stat: Readonly<Stat>): void {
    const entry = this.entries[node];
    assert(entry, "only a live node has a place");
    entry.forgetNode(this.devs[node]!, this.inos[node]!, node);
    this.inos[node] = stat.ino;
    this.devs[node] = stat.dev;
    this.births[node] = birthOf(stat);
    entry.addNode(stat.dev, stat.ino, node);
  }

  /** Whether the kernel knows a live node. */
  isKnown(node: number): boolean {
    return this.lookups[node]! > 0;
  }

  addLookup(node: number): void {
    this.lookups[node]!++;
  }

  /** FORGET: gives back lookups, and the node when it was the last one. */
  forget(node: number, count: number): void {
    if (this.entries[node] === undefined) return;
    this.lookups[node] = Math.max(0, this.lookups[node]! - count);
    this.collect(node);
  }

  /** Frees a node that was interned but not handed out. */
  collect(start: number): void {
    let node = start;
    while (node !== 0 && this.lookups[node] === 0 && this.children[node] === 0) {
      const entry = this.entries[node];
      if (entry === undefined) return;
      this.onFree(node);
      entry.forgetNode(this.devs[node]!, this.inos[node]!, node);
      const parent = this.parents[node]!;
      this.entries[node] = undefined;
      this.names[node] = "" as RawName;
      this.free.push(node);
      this.live--;
      if (parent !== 0) this.children[parent]!--;
      if (entry.unused) this.onUnused(entry);
      node = parent;
    }
  }

  /** @returns the path below the entry's root, "" for the root itself */
  path(node: number): RawName {
    const names: RawName[] = [];
    for (let at = node; this.parents[at] !== 0; at = this.parents[at]!) names.push(this.names[at]!);
    return names.reverse().join("/") as RawName;
  }

  private grow(): void {
    const wider = <T extends Float64Array | Uint32Array | Uint16Array>(old: T, make: (n: number) => T): T => {
      const fresh = make(old.length * 2);
      fresh.set(old);
      return fresh;
    };
    this.inos = wider(this.inos, (n) => new Float64Array(n));
    this.devs = wider(this.devs, (n) => new Float64Array(n));
    this.births = wider(this.births, (n) => new Float64Array(n));
    this.parents = wider(this.parents, (n) => new Uint32Array(n));
    this.lookups = wider(this.lookups, (n) => new Float64Array(n));
    this.children = wider(this.children, (n) => new Uint32Array(n));
    this.types = wider(this.types, (n) => new Uint16Array(n));
    this.generations = wider(this.generations, (n) => new Uint32Array(n));
  }
}

/** The birth time in one number, 0 where the file system has none. */
function birthOf(stat: Readonly<Stat>): number {
  return stamp(stat.btime, stat.btimeNs);
}
