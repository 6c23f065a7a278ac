import { type MessagePort, parentPort, receiveMessageOnPort, workerData } from "node:worker_threads";
import { assert } from "../../base/assert.js";
import { log } from "../../base/log.js";
import { setUmask, unshareFs } from "../../sys/credentials.js";
import { ECANCELED } from "../../sys/errno.js";
import { check } from "../../sys/error.js";
import { setNice } from "../../sys/priority.js";
import { describeFailure, type FromWalker, type Item, type ToWalker, type WalkerData } from "./messages.js";
import { below } from "./open.js";
import { Board, Cell, type CopySpec } from "./spec.js";
import { TreeCopy } from "./tree-copy.js";
import { deleteTree } from "./trees.js";

// One of the threads that copy trees in the background. Each has a stack of directories of its own, and gives half of it to
// one that has nothing to do; all copies that are under way get their turn, a directory at a time.

/** A directory with more entries left is shared with a thread that has nothing to do. */
const WORTH_SHARING = 128;
/** So many files of a directory are given away at a time. */
const GROUP = 64;

const trace = log("copy");
const { index, board, peers } = workerData as WalkerData;
const port = parentPort;
assert(port, "this file is the entry of a worker thread");
const ports: readonly MessagePort[] = [port, ...peers.map((peer) => peer.port)];

/**
 * Whoever works on the mount goes first on a busy machine: with as many threads copying as there are cores, each answer
 * of the mount would wait for its turn (nice(1)).
 */
const BACKGROUND_NICE = 10;
const niceCode = setNice(BACKGROUND_NICE);
if (niceCode < 0) trace("the priority stays as it is: %d", niceCode);

// Modes are set as they are in the source, whatever the umask of the process; that of a thread can be its own.
check(unshareFs(), "unshare");
setUmask(0);

/** A copy that this thread takes part in. */
class Part {
  readonly stack: Item[] = [];
  private tree: TreeCopy | undefined;

  constructor(readonly spec: CopySpec) {}

  get copy(): TreeCopy {
    this.tree ??= new TreeCopy(this.spec, board);
    return this.tree;
  }

  close(): void {
    this.tree?.close();
  }
}

const parts = new Map<number, Part>();
/** What another thread gave before the engine told of its copy. */
const early = new Map<number, readonly Item[]>();
let newest = 0;
const say = (message: FromWalker): void => port.postMessage(message);

function launch(spec: CopySpec, items: readonly Item[]): void {
  const part = new Part(spec);
  newest = Math.max(newest, spec.id);
  part.stack.push(...items, ...(early.get(spec.id) ?? []));
  early.delete(spec.id);
  parts.set(spec.id, part);
}

function take(id: number, items: readonly Item[]): void {
  const part = parts.get(id);
  if (part !== undefined) part.stack.push(...items);
  // Of one that was dropped nothing is wanted any more.
  else if (id > newest) early.set(id, [...(early.get(id) ?? []), ...items]);
}

function drop(id: number): void {
  parts.get(id)?.close();
  parts.delete(id);
  say({ type: "dropped", id });
}

function accept(message: ToWalker): void {
  if (message.type === "launch") launch(message.spec, message.items);
  else if (message.type === "give") take(message.id, message.items);
  else if (message.type === "drop") drop(message.id);
  else for (const each of ports) each.close();
}

function drain(): void {
  for (const each of ports)
    for (let got = receiveMessageOnPort(each); got !== undefined; got = receiveMessageOnPort(each))
      accept(got.message as ToWalker);
}

/** Works until nothing is left; then the event loop waits for messages. */
function work(): void {
  Atomics.store(board, Board.idle + index, 0);
  let any = true;
  while (any) {
    any = false;
    drain();
    for (const part of [...parts.values()]) {
      const item = part.stack.pop();
      if (item === undefined) continue;
      any = true;
      perform(part, item);
      share(part);
    }
  }
  Atomics.store(board, Board.idle + index, 1);
}

function perform(part: Part, item: Item): void {
  const { spec, stack } = part;
  const { id, cells } = spec;
  try {
    const found = itemsOf(part, item);
    Atomics.add(cells, Cell.open, found.length);
    stack.push(...found);
    if (Atomics.sub(cells, Cell.open, 1) > 1) return;
    for (const left of Object.values(spec.beside)) deleteTree(left, () => false);
    say({ type: "complete", id });
  } catch (error) {
    stack.length = 0;
    const failure = describeFailure(error, "copy");
    if (failure.errno !== ECANCELED) say({ type: "failed", id, failure });
  }
}

/** Does what is to be done. @returns what is to be done next, the last first */
function itemsOf(part: Part, { path, names }: Item): Item[] {
  if (names !== undefined) {
    part.copy.fillAll(path, names);
    return [];
  }
  const { directories, files } = part.copy.visit(path, isRushed);
  const items: Item[] = directories.map((name) => ({ path: below(path, name) }));
  for (let at = 0; at < files.length; at += GROUP) items.push({ path, names: files.slice(at, at + GROUP) });
  return items;
}

function isRushed(left: number): boolean {
  if (Atomics.load(board, Board.hurry) > 0) return true;
  return left > WORTH_SHARING && peers.some((peer) => Atomics.load(board, Board.idle + peer.index) === 1);
}

/** Gives every second item, large and small alike, to a thread that has nothing to do. */
function share({ spec, stack }: Part): void {
  if (stack.length < 2) return;
  for (const peer of peers) {
    if (Atomics.compareExchange(board, Board.idle + peer.index, 1, 0) !== 1) continue;
    const given = stack.filter((_, at) => at % 2 === 0);
    const kept = stack.filter((_, at) => at % 2 === 1);
    stack.splice(0, stack.length, ...kept);
    peer.port.postMessage({ type: "give", id: spec.id, items: given } satisfies ToWalker);
    return;
  }
}

for (const each of ports) {
  each.on("message", (message: ToWalker) => {
    accept(message);
    if (message.type !== "end") work();
  });
}
Atomics.store(board, Board.idle + index, 1);
