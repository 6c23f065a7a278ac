import type { RawName } from "../../base/bytes.js";
import { COUNTED_NODES } from "./node-ids.js";

interface Known {
  readonly id: number;
  name: RawName | undefined;
  lookups: number;
}

/** The nodes of files in labels/, for as long as the kernel knows them: they come and go with their names. */
export class LabelNodes {
  private readonly nodes = new Map<number, Known>();
  private readonly byName = new Map<string, number>();
  private next = COUNTED_NODES;

  /** @returns the node of a name of the snapshot with this id; the kernel has to be told of it (lookedUp) */
  meet(id: number, name: RawName): number {
    const known = this.byName.get(path(id, name));
    if (known !== undefined) return known;
    const node = this.next++;
    this.nodes.set(node, { id, name, lookups: 0 });
    this.byName.set(path(id, name), node);
    return node;
  }

  /** @returns what a node stands for; its name is undefined when that was removed. Undefined: there is no such node */
  get(node: number): { readonly id: number; readonly name: RawName | undefined } | undefined {
    return this.nodes.get(node);
  }

  /** The kernel is told of a node. */
  lookedUp(node: number): void {
    const known = this.nodes.get(node);
    if (known !== undefined) known.lookups++;
  }

  forget(node: number, count: number): void {
    const known = this.nodes.get(node);
    if (known === undefined) return;
    known.lookups -= count;
    if (known.lookups > 0) return;
    this.nodes.delete(node);
    if (known.name !== undefined) this.byName.delete(path(known.id, known.name));
  }

  /** A file has another name: who has it open goes on with it. What had that name is removed. */
  renamed(id: number, from: RawName, to: RawName): void {
    this.removed(id, to);
    const node = this.byName.get(path(id, from));
    if (node === undefined) return;
    this.byName.delete(path(id, from));
    this.byName.set(path(id, to), node);
    this.nodes.get(node)!.name = to;
  }

  /** A name has gone; a new file of that name is another one. */
  removed(id: number, name: RawName): void {
    const node = this.byName.get(path(id, name));
    if (node === undefined) return;
    this.byName.delete(path(id, name));
    this.nodes.get(node)!.name = undefined;
  }
}

const path = (id: number, name: RawName): string => `${id}/${name}`;
