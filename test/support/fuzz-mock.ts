import type { RawName } from "../../src/base/bytes.js";
import type { Answer, DirSink, Entry, FileSystem, IoArea, Opened } from "../../src/fuse/filesystem.js";
import { Stat } from "../../src/sys/stat.js";
import { type Call, mockFileSystem } from "./mock-file-system.js";
import type { Random } from "./random.js";

/** What a file system that answers at random has handed out and not got back. */
export interface Account {
  readonly nodes: Map<number, number>;
  readonly handles: Set<number>;
}

/** A reply through a socket holds so many bytes. */
const MOST_BYTES = 100_000;
const GIVES_NODE = ["lookup", "mknod", "mkdir", "symlink", "link", "create", "tmpfile"];
const COUNTS = ["write", "copyFileRange", "lseek"];

/** @returns a file system that answers at random within its contract, now or later, and throws now and then */
export function randomFileSystem(random: Random, account: Account): FileSystem {
  let next = 1;
  const give = (out: Entry): void => {
    out.node = random.chance(0.1) ? 0 : 2 + random.below(20);
    if (out.node !== 0) account.nodes.set(out.node, (account.nodes.get(out.node) ?? 0) + 1);
  };
  const succeed = (call: Call): number => {
    const { method, args } = call;
    if (GIVES_NODE.includes(method)) give(args.find(isEntry)!);
    if (method === "open" || method === "create" || method === "tmpfile") {
      const opened = args.find(isOpened)!;
      opened.handle = next++;
      account.handles.add(opened.handle);
    }
    if (method === "read" || method === "getxattr" || method === "listxattr")
      return random.below(Math.min(sizeIn(call), MOST_BYTES) + 1);
    if (method === "readlink")
      return (args[2] as IoArea).buffer.latin1Write("t".repeat(random.below(4095)), 0);
    if (method === "readdir") fillListing(args[3] as DirSink, random, give);
    return COUNTS.includes(method) ? random.below(1000) : 0;
  };
  return mockFileSystem((call): Answer => {
    const { method, args } = call;
    if (method === "forget") takeBack(account, args[0] as number, args[1] as number);
    if (method === "release") account.handles.delete(args[1] as number);
    if (method === "forget" || method === "release") return 0;
    if (random.chance(0.3)) return -1 - random.below(600);
    if (random.chance(0.01)) throw new Error("a bug of the file system");
    if (!random.chance(0.2)) return succeed(call);
    return new Promise((resolve) => setImmediate(() => resolve(succeed(call))));
  });
}

const isEntry = (value: unknown): value is Entry =>
  typeof value === "object" && value !== null && "entryTimeout" in value;
const isOpened = (value: unknown): value is Opened =>
  typeof value === "object" && value !== null && "backingId" in value;

function sizeIn({ method, args }: Call): number {
  if (method === "read") return args[4] as number;
  const size = args[method === "listxattr" ? 2 : 3] as number;
  return size === 0 ? 100 : size;
}

function fillListing(sink: DirSink, random: Random, give: (out: Entry) => void): void {
  for (let i = random.below(40); i > 0; i--) {
    const name = "n".repeat(1 + random.below(255)) as RawName;
    if (!sink.fits(name.length)) return;
    const entry = { node: 0, generation: 0, entryTimeout: 0, attrTimeout: 0, stat: new Stat() };
    if (sink.plus && random.chance(0.8)) {
      give(entry);
      sink.addPlus(name, entry, 8, BigInt(i));
    } else sink.add(name, i, 8, BigInt(i));
  }
}

function takeBack({ nodes }: Account, node: number, count: number): void {
  const left = (nodes.get(node) ?? 0) - count;
  if (left > 0) nodes.set(node, left);
  else nodes.delete(node);
}
