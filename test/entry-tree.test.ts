import assert from "node:assert/strict";
import * as fs from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { type RawName, rawFromText } from "../src/base/bytes.js";
import type { Attributes, Caller, Changes, DirSink, Entry, Opened } from "../src/fuse/filesystem.js";
import type { CopyAhead } from "../src/store/pending.js";
import type { Info, Snapshotter, StoreReader } from "../src/store/types.js";
import { UTIME_OMIT } from "../src/sys/constants.js";
import { ENOENT, EROFS, ESTALE, EXDEV } from "../src/sys/errno.js";
import { close } from "../src/sys/file.js";
import { allocateMemory } from "../src/sys/memory.js";
import { Stat } from "../src/sys/stat.js";
import type { IoPool } from "../src/tree/entry/core.js";
import { EntryTree } from "../src/tree/entry/entry-tree.js";

const caller: Caller = {
  uid: process.geteuid?.() ?? 0,
  gid: process.getegid?.() ?? 0,
  pid: process.pid,
  umask: 0o022,
  onInterrupt: undefined,
};
const entrySlot = (): Entry => ({
  node: 0,
  generation: 0,
  entryTimeout: 0,
  attrTimeout: 0,
  stat: new Stat(),
});
const opened = (): Opened => ({ handle: 0, flags: 0, backingId: 0 });
const changes = (some: Partial<Changes>): Changes => ({
  mode: undefined,
  uid: undefined,
  gid: undefined,
  size: undefined,
  atime: undefined,
  atimeNs: UTIME_OMIT,
  mtime: undefined,
  mtimeNs: UTIME_OMIT,
  handle: undefined,
  killPrivileges: false,
  ...some,
});
const info = (id: number, kind: Info["kind"]): Info => ({
  id,
  kind,
  key: `s${id}`,
  parent: undefined,
  parentId: undefined,
  labels: {},
  created: 0,
  updated: 0,
  usage: undefined,
  copy: undefined,
  flush: undefined,
  hold: undefined,
  method: undefined,
});
const name = (text: string): RawName => rawFromText(text);

let directory = "";
let tree: EntryTree;
/** Descriptors that were closed in the pool. */
const closedElsewhere: number[] = [];

const pool: IoPool = {
  async call(operation, fd = -1) {
    if (operation === "close") closedElsewhere.push(fd);
    return operation === "close" ? close(fd) : 0;
  },
};
const options = { pool, passthrough: false, cacheTimeout: 1000, readOnly: false, watch: false };

before(() => {
  directory = fs.mkdtempSync(join(tmpdir(), "snapmount-entry-"));
  for (const id of ["1", "2", "3"]) fs.mkdirSync(join(directory, "snapshots", id), { recursive: true });
  fs.writeFileSync(join(directory, "snapshots/2/fixed"), "immutable");
  const reader = { directory } as StoreReader;
  const store = {} as Snapshotter & CopyAhead;
  tree = new EntryTree({ store, reader, ...options });
});
after(() => {
  tree.destroy();
  fs.rmSync(directory, { recursive: true });
});

function root(id: number, kind: Info["kind"] = "active"): number {
  const out = entrySlot();
  assert.equal(tree.lookupRoot(info(id, kind), out), 0);
  return out.node;
}

function lookup(parent: number, text: string): Entry {
  const out = entrySlot();
  assert.equal(tree.lookup(caller, parent, name(text), out), 0);
  return out;
}

test("what is found by a name that the kernel keeps has attributes that it keeps", () => {
  const top = root(1);
  fs.writeFileSync(join(directory, "snapshots/1/kept"), "");
  const found = lookup(top, "kept");
  assert.ok(found.entryTimeout > 0 && found.attrTimeout - found.entryTimeout >= 100);
  assert.ok(found.attrTimeout <= 1000, "README: native changes show within a second");
  fs.unlinkSync(join(directory, "snapshots/1/kept"));
});

test("who looks for a name where nothing is copied yet says which one, since he may go on from there", async () => {
  const native = join(directory, "snapshots/4");
  fs.mkdirSync(join(native, "usr"), { recursive: true });
  fs.chmodSync(native, 0o1701);
  const pending: Info = { ...info(4, "active"), copy: { state: "pending" } };
  const asked: unknown[] = [];
  const store: Pick<CopyAhead, "expand"> = {
    async expand(...args) {
      asked.push(args);
      fs.chmodSync(native, 0o755);
      return 0;
    },
  };
  const reader = { directory, getById: (_: number) => pending } as StoreReader;
  const other = new EntryTree({ store: store as Snapshotter & CopyAhead, reader, ...options });
  try {
    const out = entrySlot();
    assert.equal(other.lookupRoot(pending, out), 0);
    assert.equal(await other.lookup(caller, out.node, name("usr"), out), 0);
    assert.equal(out.stat.ino, fs.statSync(join(native, "usr")).ino);
    assert.deepEqual(asked, [[4, "", "usr"]]);
  } finally {
    other.destroy();
  }
});

test("a file made, written, renamed and removed is the native file", () => {
  const top = root(1);
  const made = entrySlot();
  const handle = opened();
  assert.equal(tree.create(caller, top, name("a"), 0o102, 0o666, false, made, handle), 0);
  assert.equal(made.stat.mode & 0o7777, 0o644, "umask of the caller");
  const memory = allocateMemory(4096);
  memory.buffer.write("hello");
  assert.equal(tree.write(caller, made.node, handle.handle, 0, memory, 5, 0, false), 5);
  assert.equal(fs.readFileSync(join(directory, "snapshots/1/a"), "utf8"), "hello");
  assert.equal(tree.rename(caller, top, name("a"), top, name("b"), 0), 0);
  const attributes: Attributes = { stat: new Stat(), attrTimeout: 1 };
  assert.equal(tree.getattr(caller, made.node, undefined, attributes), 0, "found under its new name");
  assert.equal(attributes.stat.size, 5);
  assert.equal(attributes.attrTimeout, 0, "what may be mapped is asked for each time");
  assert.equal(lookup(top, "b").entryTimeout, 0, "and its name is not kept longer than its attributes");
  tree.forget(made.node, 1);
  assert.equal(tree.unlink(caller, top, name("b")), 0);
  assert.equal(tree.getattr(caller, made.node, undefined, attributes), 0, "still there while it is open");
  assert.equal(attributes.stat.nlink, 0);
  tree.release(made.node, handle.handle);
  tree.forget(made.node, 1);
  assert.equal(lookup(top, "b").node, 0);
});

test("a path to an open file leads to the file that has its name by now", () => {
  const top = root(1);
  const native = join(directory, "snapshots/1");
  fs.writeFileSync(join(native, "log"), "old");
  const { node } = lookup(top, "log");
  const handle = opened();
  assert.equal(tree.open(caller, node, 1, false, handle), 0);
  const attributes: Attributes = { stat: new Stat(), attrTimeout: 0 };
  assert.equal(tree.getattr(caller, node, undefined, attributes), 0);
  assert.ok(attributes.attrTimeout > 0, "the kernel itself knows of what write(2) changes");
  fs.writeFileSync(join(native, "new"), "new");
  fs.renameSync(join(native, "new"), join(native, "log"));
  assert.equal(tree.link(caller, node, top, name("link"), entrySlot()), -ESTALE, "the kernel looks again");
  const found = lookup(top, "log");
  assert.notEqual(found.node, node);
  assert.equal(tree.link(caller, found.node, top, name("link"), entrySlot()), 0);
  assert.equal(fs.readFileSync(join(native, "link"), "utf8"), "new");
  tree.release(node, handle.handle);
  const made = entrySlot();
  assert.equal(tree.tmpfile(caller, top, 2, 0o600, made, handle), 0);
  assert.equal(
    tree.link(caller, made.node, top, name("named"), entrySlot()),
    0,
    "nobody looks for what has no name",
  );
  tree.release(made.node, handle.handle);
  for (const each of ["log", "link", "named"]) fs.unlinkSync(join(native, each));
});

test("nothing below a committed snapshot can be changed", () => {
  const top = root(2, "committed");
  const file = lookup(top, "fixed");
  const out = entrySlot();
  const refusals: Record<string, unknown> = {
    mkdir: tree.mkdir(caller, top, name("d"), 0o755, out),
    create: tree.create(caller, top, name("f"), 2, 0o644, false, out, opened()),
    tmpfile: tree.tmpfile(caller, top, 2, 0o644, out, opened()),
    symlink: tree.symlink(caller, top, name("l"), name("t"), out),
    mknod: tree.mknod(caller, top, name("p"), 0o010644, 0, out),
    link: tree.link(caller, file.node, top, name("l"), out),
    unlink: tree.unlink(caller, top, name("fixed")),
    rmdir: tree.rmdir(caller, top, name("fixed")),
    rename: tree.rename(caller, top, name("fixed"), top, name("g"), 0),
    write: tree.open(caller, file.node, 1, false, opened()),
    truncate: tree.open(caller, file.node, 0o1000, false, opened()),
    setattr: tree.setattr(caller, file.node, changes({ mode: 0o600 }), out),
    setxattr: tree.setxattr(caller, file.node, name("user.x"), Buffer.from("1"), 0, false),
    removexattr: tree.removexattr(caller, file.node, name("user.x")),
  };
  for (const [call, answer] of Object.entries(refusals)) assert.equal(answer, -EROFS, call);
  assert.ok(file.attrTimeout > 3600_000, "kept for ever");
});

test("what is moved by symbolic links natively is not followed", () => {
  const top = root(1);
  fs.mkdirSync(join(directory, "snapshots/1/dir"));
  fs.writeFileSync(join(directory, "snapshots/1/dir/file"), "inside");
  const dir = lookup(top, "dir");
  assert.notEqual(lookup(dir.node, "file").node, 0);
  const outside = fs.mkdtempSync(join(tmpdir(), "snapmount-outside-"));
  fs.writeFileSync(join(outside, "file"), "outside");
  // Push the directory's descriptor out, so that it has to be found again by its name.
  fs.renameSync(join(directory, "snapshots/1/dir"), join(directory, "snapshots/1/moved"));
  fs.symlinkSync(outside, join(directory, "snapshots/1/dir"));
  for (let i = 0; i < 600; i++) {
    fs.mkdirSync(join(directory, `snapshots/1/d${i}`));
    const each = lookup(top, `d${i}`);
    assert.equal(lookup(each.node, "x").node, 0);
  }
  const out = entrySlot();
  assert.equal(tree.lookup(caller, dir.node, name("file"), out), -ESTALE);
  fs.rmSync(outside, { recursive: true });
});

test("entries are file systems of their own", () => {
  const [one, three] = [root(1), root(3)];
  const made = entrySlot();
  const handle = opened();
  assert.equal(tree.create(caller, one, name("mine"), 1, 0o644, false, made, handle), 0);
  tree.release(made.node, handle.handle);
  assert.equal(tree.rename(caller, one, name("mine"), three, name("mine"), 0), -EXDEV);
  assert.equal(tree.link(caller, made.node, three, name("mine"), entrySlot()), -EXDEV);
  assert.equal(tree.unlink(caller, one, name("absent")), -ENOENT);
});

test("a directory is listed completely and once in replies that hold seven names", () => {
  const top = root(3);
  for (let i = 0; i < 100; i++) fs.writeFileSync(join(directory, `snapshots/3/n${i}`), "");
  const seen: string[] = [];
  let offset = 0n;
  for (let more = true; more; ) {
    let room = 7;
    const sink: DirSink = {
      plus: false,
      fits: () => room > 0,
      add: (entry, _ino, _type, next) => {
        if (room-- <= 0) return false;
        seen.push(entry);
        offset = next;
        return true;
      },
      addPlus: () => assert.fail("not asked for"),
    };
    const before = seen.length;
    assert.equal(tree.readdir(caller, top, offset, sink), 0);
    more = seen.length > before;
  }
  const wanted = [".", "..", ...Array.from({ length: 100 }, (_, i) => `n${i}`)];
  assert.deepEqual(seen.sort(), wanted.sort());
});

test("a large file that was removed is deleted in another thread, a small one at once", () => {
  const top = root(1);
  for (const [size, elsewhere] of [
    [100, 0],
    [64 * 2 ** 20, 1],
  ] as const) {
    const path = join(directory, "snapshots/1/doomed");
    fs.writeFileSync(path, "");
    fs.truncateSync(path, size);
    const { node } = lookup(top, "doomed");
    closedElsewhere.length = 0;
    assert.equal(tree.unlink(caller, top, name("doomed")), 0);
    assert.equal(closedElsewhere.length, 0, "the kernel still knows it");
    const held = tree.counts().descriptors;
    tree.forget(node, 1);
    assert.equal(tree.counts().descriptors, held - 1);
    assert.equal(closedElsewhere.length, elsewhere, `${size} bytes`);
  }
});
