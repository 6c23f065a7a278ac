import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { RawName } from "../src/base/bytes.js";
import { rawFromText } from "../src/base/bytes.js";
import { type Caller, type Entry, type FileSystem, ROOT_NODE } from "../src/fuse/filesystem.js";
import { HiddenFiles, hiddenName } from "../src/fuse/native/hidden.js";
import { OpenFiles } from "../src/fuse/native/open-files.js";
import { mountWords } from "../src/fuse/native/options.js";
import { entrySlot, Paths } from "../src/fuse/native/paths.js";
import { timesToSet } from "../src/fuse/native/times.js";
import {
  MS_NODEV,
  MS_NODIRATIME,
  MS_NOSUID,
  MS_RDONLY,
  S_IFDIR,
  S_IFREG,
  UTIME_NOW,
  UTIME_OMIT,
} from "../src/sys/constants.js";
import { ENAMETOOLONG, ENOENT, ENOTDIR } from "../src/sys/errno.js";

const raw = (text: string): RawName => rawFromText(text);
const caller: Caller = { uid: 0, gid: 0, pid: 1, umask: 0, onInterrupt: undefined };

/** A tree of names, each with its own node, that counts what is looked up and given back. */
class Names {
  readonly counts = new Map<number, number>();
  lookups = 0;
  timeout = 1000;
  readonly nodes = new Map<string, number>([
    ["1/a", 10],
    ["10/b", 11],
    ["11/file", 12],
  ]);

  asFileSystem(): FileSystem {
    const lookup = (_caller: Caller, parent: number, name: string, out: Entry): number => {
      this.lookups++;
      const node = this.nodes.get(`${parent}/${name}`);
      if (node === undefined) return -ENOENT;
      out.node = node;
      out.entryTimeout = this.timeout;
      out.stat.mode = name === "file" ? S_IFREG : S_IFDIR;
      this.counts.set(node, (this.counts.get(node) ?? 0) + 1);
      return 0;
    };
    const forget = (node: number, count: number): void => {
      this.counts.set(node, (this.counts.get(node) ?? 0) - count);
    };
    return { lookup, forget } as unknown as FileSystem;
  }

  get held(): string {
    return [...this.counts]
      .filter(([, count]) => count !== 0)
      .map(([node, count]) => `${node}:${count}`)
      .join(" ");
  }
}

describe("paths to nodes", () => {
  test("a path leads to its node, counted once; directories on the way are remembered", async () => {
    const names = new Names();
    const paths = new Paths(names.asFileSystem(), caller);
    assert.equal(await paths.resolve(raw("")), ROOT_NODE);
    assert.equal(await paths.resolve(raw("a/b/file")), 12);
    assert.equal(names.lookups, 3);
    assert.equal(names.held, "10:1 11:1 12:1");
    assert.equal(await paths.resolve(raw("a/b/file")), 12);
    assert.equal(names.lookups, 4);
    paths.put(12);
    paths.put(12);
    paths.clear();
    assert.equal(names.held, "");
  });

  test("what may not be kept is asked for each time, and what leads elsewhere is believed no longer", async () => {
    const names = new Names();
    const paths = new Paths(names.asFileSystem(), caller);
    names.timeout = 0;
    await paths.resolve(raw("a/b"));
    await paths.resolve(raw("a/b"));
    assert.equal(names.lookups, 4);
    names.timeout = 1000;
    await paths.resolve(raw("a/b"));
    names.nodes.set("1/a", 20);
    names.nodes.set("20/b", 21);
    paths.changed(ROOT_NODE, raw("a"));
    assert.equal(await paths.resolve(raw("a/b")), 21);
  });

  test("impossible paths are answered", async () => {
    const paths = new Paths(new Names().asFileSystem(), caller);
    assert.equal(await paths.resolve(raw("a/none")), -ENOENT);
    assert.equal(await paths.resolve(raw("a/b/file/x")), -ENOTDIR);
    assert.equal(await paths.resolve(raw(`a/${"n".repeat(256)}`)), -ENAMETOOLONG);
    assert.equal(await paths.resolve(raw(`${"n".repeat(256)}/a`)), -ENAMETOOLONG);
  });

  test("a directory that is forgotten during a walk is given back after it", async () => {
    const names = new Names();
    const paths = new Paths(names.asFileSystem(), caller);
    await paths.below(raw("a/b/file"), (parent) => {
      paths.clear();
      assert.equal(names.held, "10:1 11:1");
      return parent;
    });
    assert.equal(names.held, "");
    assert.equal(entrySlot().node, 0);
  });
});

describe("times", () => {
  test("are set as they are, before the epoch too", () => {
    const set = timesToSet(-1500, 1_000_000_001_234);
    assert.deepEqual(set, { atime: -2, atimeNs: 500e6, mtime: 1_000_000_001, mtimeNs: 234e6 });
  });

  test("are left alone, or now, where fuse-native says what is neither", () => {
    const only = timesToSet(1073, 5_000);
    assert.deepEqual(only, { atime: undefined, atimeNs: UTIME_OMIT, mtime: 5, mtimeNs: 0 });
    assert.equal(timesToSet(5_000, 1073).mtime, undefined);
    assert.deepEqual(timesToSet(1073, 1073), { atime: 0, atimeNs: UTIME_NOW, mtime: 0, mtimeNs: UTIME_NOW });
  });
});

describe("open files", () => {
  test("libfuse's names for removed files are known, and users' are not", () => {
    assert.equal(hiddenName(raw("a/.fuse_hidden0000000500000001")), ".fuse_hidden0000000500000001");
    assert.equal(hiddenName(raw("a/.fuse_hidden")), undefined);
    assert.equal(hiddenName(raw("a/x.fuse_hidden0000000500000001")), undefined);
    const hidden = new HiddenFiles();
    const path = raw("a/.fuse_hidden0000000500000001");
    assert.equal(hidden.find(path), undefined);
    hidden.add(hiddenName(path)!, 7);
    assert.equal(hidden.find(raw("moved/.fuse_hidden0000000500000001")), 7);
    assert.equal(hidden.take(path), 7);
    assert.equal(hidden.find(path), undefined);
  });

  test("their paths follow renames of directories above", () => {
    const files = new OpenFiles();
    const number = files.add({ node: 5, counted: true, handle: 1, path: raw("a/b/c") });
    assert.equal(files.anyBelow(raw("a")), true);
    assert.equal(files.anyBelow(raw("a/b/c")), false);
    files.moved(raw("a/b"), raw("x"));
    assert.equal(files.anyBelow(raw("a")), false);
    assert.equal(files.get(number)?.path, "x/c");
    assert.equal(files.isOpen(5), true);
    files.remove(number);
    assert.equal(files.count, 0);
  });
});

describe("options for libfuse", () => {
  const options = {
    mountpoint: raw("/mnt"),
    source: raw("/a,b\\c"),
    subtype: "snapmount",
    allowOther: false,
    flags: MS_NOSUID | MS_NODEV,
  };

  test("say all that was asked for", () => {
    const words = mountWords(options);
    assert.match(words, /^nosuid,nodev,default_permissions,subtype=snapmount,/);
    assert.match(words, /use_ino/);
    assert.ok(words.endsWith(",fsname=/a\\,b\\\\c"));
    assert.match(mountWords({ ...options, flags: MS_RDONLY, allowOther: true }), /^ro,suid,dev,allow_other,/);
  });

  test("that cannot be said are refused by name", () => {
    assert.throws(() => mountWords({ ...options, flags: MS_NODIRATIME }), /nodiratime/);
    assert.throws(() => mountWords({ ...options, source: raw("s".repeat(2000)) }), /fsname=NAME/);
    assert.throws(() => mountWords({ ...options, mountpoint: raw(`/${"m".repeat(1100)}`) }), /too long/);
  });
});
