import { compose, type Field } from "../fuse/compose.js";
import { Dispatcher } from "../fuse/dispatcher.js";
import { Exchange } from "../fuse/exchange.js";
import { type NodeId, ROOT_NODE, type SessionControl } from "../fuse/filesystem.js";
import { Op } from "../fuse/protocol.js";
import { ENOENT, EPERM } from "../sys/errno.js";
import type { Tree } from "../tree/tree.js";

/** What the store is furnished with: a committed snapshot that holds a directory with a file. */
export const BASE = "base";
export const DIRECTORY = "directory";
export const FILE = "file";

/** After so many rounds what follows is no faster. */
const ROUNDS = 4;
const READ_BYTES = 4096;

/** Tells the kernel nothing: it knows none of these nodes. */
const MUTE: SessionControl = {
  features: { minor: 31, passthrough: false, killPrivV2: true, readdirPlus: true, noOpendir: true },
  openBacking: () => -EPERM,
  closeBacking: () => undefined,
  invalidateInode: () => undefined,
  expireEntry: () => Promise.resolve(),
  drainReleases: () => undefined,
};

/**
 * Asks what the kernel would ask for `mkdir active/NAME@base`, `cat` of a file in it, `ls active`, `mv` to committed/ and
 * `rmdir` there, a few times.
 * @param tree of a store that is furnished; it is initialised here, and its owner destroys it
 * @throws Error when something is not answered as it should be
 */
export async function rehearse(tree: Tree): Promise<void> {
  tree.init(MUTE);
  const caller = new Caller(tree);
  const active = await caller.lookup(ROOT_NODE, "active");
  const committed = await caller.lookup(ROOT_NODE, "committed");
  for (let round = 0; round < ROUNDS; round++) {
    const name = `actor${round}`;
    const made = `${name}@${BASE}`;
    await caller.ask(Op.LOOKUP, active, [{ name: made }], ENOENT);
    await caller.ask(Op.MKDIR, active, [{ u32: 0o755 }, { u32: 0o022 }, { name: made }]);
    await caller.cat(active, [name, DIRECTORY, FILE]);
    await caller.ask(Op.READDIRPLUS, active, area(0));
    await caller.ask(Op.LOOKUP, committed, [{ name }], ENOENT);
    await caller.ask(Op.RENAME2, active, [{ u64: committed }, { u32: 0 }, { u32: 0 }, { name }, { name }]);
    await caller.ask(Op.RMDIR, committed, [{ name }]);
  }
}

/** struct fuse_read_in, for a handle or, with 0, a directory */
function area(handle: number): Field[] {
  return [{ u64: handle }, { u64: 0 }, { u32: READ_BYTES }, { u32: 0 }, { u64: 0 }, { u32: 0 }, { u32: 0 }];
}

/** Asks as the kernel does, one thing after the other. */
class Caller {
  private readonly x = new Exchange();
  private readonly dispatcher: Dispatcher;
  private answered: (errno: number) => void = () => undefined;

  constructor(tree: Tree) {
    this.dispatcher = new Dispatcher(
      tree,
      (x) => {
        this.answered(-x.output.readInt32LE(4));
        return 0;
      },
      () => undefined,
    );
  }

  /** @param expected the errno of the answer, 0 for none */
  async ask(opcode: number, node: NodeId, fields: readonly Field[], expected = 0): Promise<void> {
    const who = { uid: process.geteuid!(), gid: process.getegid!(), pid: process.pid };
    const errno = await new Promise<number>((resolve) => {
      this.answered = resolve;
      this.dispatcher.dispatch(this.x, compose(this.x, { opcode, node, ...who }, ...fields));
    });
    if (errno !== expected) throw new Error(`opcode ${opcode} was answered with errno ${errno}`);
  }

  async lookup(parent: NodeId, name: string): Promise<NodeId> {
    await this.ask(Op.LOOKUP, parent, [{ name }]);
    return this.x.entry.node;
  }

  async cat(from: NodeId, path: readonly string[]): Promise<void> {
    const nodes: NodeId[] = [];
    for (const name of path) nodes.push(await this.lookup(nodes.at(-1) ?? from, name));
    const file = nodes.at(-1)!;
    await this.ask(Op.OPEN, file, [{ u32: 0 }, { u32: 0 }]);
    const { handle } = this.x.opened;
    await this.ask(Op.READ, file, area(handle));
    await this.ask(Op.RELEASE, file, [{ u64: handle }, { u32: 0 }, { u32: 0 }, { u64: 0 }]);
    for (const node of nodes) this.dispatcher.dispatch(this.x, this.forget(node));
  }

  private forget(node: NodeId): number {
    return compose(this.x, { opcode: Op.FORGET, node, uid: 0, gid: 0, pid: 0 }, { u64: 1 });
  }
}
