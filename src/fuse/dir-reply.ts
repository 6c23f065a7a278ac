import type { RawName } from "../base/bytes.js";
import type { Exchange } from "./exchange.js";
import type { DirSink, Entry } from "./filesystem.js";
import { DIRENT, ENTRY_OUT } from "./protocol.js";

const align = (length: number): number => (length + 7) & ~7;

/** Fills the reply of READDIR or READDIRPLUS. */
export class DirReply implements DirSink {
  used = 0;

  constructor(
    private readonly exchange: Exchange,
    private readonly room: number,
    readonly plus: boolean,
  ) {}

  fits(nameLength: number): boolean {
    return this.used + align((this.plus ? ENTRY_OUT : 0) + DIRENT + nameLength) <= this.room;
  }

  add(name: RawName, ino: number, type: number, next: bigint): boolean {
    if (!this.fits(name.length)) return false;
    let at = this.used;
    if (this.plus) {
      // nodeid 0: the kernel looks the name up when it needs more.
      this.exchange.zero(at, ENTRY_OUT);
      at += ENTRY_OUT;
    }
    this.dirent(at, name, ino, type, next);
    return true;
  }

  addPlus(name: RawName, entry: Entry, type: number, next: bigint): boolean {
    if (!this.fits(name.length)) return false;
    this.exchange.putEntry(this.used, entry);
    this.dirent(this.used + ENTRY_OUT, name, entry.stat.ino, type, next);
    return true;
  }

  private dirent(at: number, name: RawName, ino: number, type: number, next: bigint): void {
    const { exchange } = this;
    exchange.put64(at, ino);
    exchange.putBig(at + 8, next);
    exchange.put32(at + 16, name.length);
    exchange.put32(at + 20, type);
    exchange.putName(at + DIRENT, name);
    const end = at + DIRENT + name.length;
    this.used += align(end - this.used);
    exchange.zero(end, this.used - end);
  }
}

/** @returns the nodes that a READDIRPLUS reply gives to the kernel */
export function nodesOf(x: Exchange): number[] {
  const nodes: number[] = [];
  for (let at = 0; at < x.body; ) {
    const node = x.given64(at);
    if (node !== 0) nodes.push(node);
    at += align(ENTRY_OUT + DIRENT + x.given32(at + ENTRY_OUT + 16));
  }
  return nodes;
}
