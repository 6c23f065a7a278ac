import assert from "node:assert/strict";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, afterEach, beforeEach, describe, it } from "node:test";
import { Metadata } from "../src/store/metadata.js";
import { openStore, type Store } from "../src/store/store.js";
import { StoreError } from "../src/store/types.js";
import { EDQUOT, EIO, ENOSPC } from "../src/sys/errno.js";
import { SysError } from "../src/sys/error.js";
import { setFaultHook } from "../src/sys/fault.js";
import { PlainEngine } from "./support/plain-engine.js";

const base = mkdtempSync(join(tmpdir(), "snapmount-store-"));
after(() => rmSync(base, { recursive: true, force: true }));
let count = 0;
let directory: string;
let engine: PlainEngine;
let store: Store;

const open = async (): Promise<Store> => {
  engine = new PlainEngine();
  store = await openStore(directory, { engine });
  return store;
};
const refused = (kind: string, text: RegExp) => (error: unknown) => {
  assert.ok(error instanceof StoreError, String(error));
  assert.equal(error.kind, kind);
  assert.match(error.message, text);
  return true;
};
/** Closes the store, and leaves it as if its process had been killed. @param boot in which boot that was */
const crash = async (boot?: string): Promise<void> => {
  const path = join(directory, "lock");
  const note = JSON.parse(readFileSync(path, "utf8")) as object;
  await store.close();
  const metadata = new Metadata(join(directory, "metadata.mdb"), false);
  metadata.transaction(() => metadata.setSetting("clean", undefined));
  await metadata.close();
  writeFileSync(path, JSON.stringify({ ...note, ...(boot !== undefined && { boot }) }));
};
const directories = (): string[] => readdirSync(join(directory, "snapshots")).sort();

describe("the store", () => {
  beforeEach(async () => {
    directory = join(base, String(++count));
    mkdirSync(directory);
    await open();
  });
  afterEach(() => store.close());

  it("prepares, commits, copies, renames and removes, and numbers from 1 without using a number twice", async () => {
    const web = await store.prepare("web", undefined);
    assert.deepEqual([web.id, web.kind, web.key, web.parent], [1, "active", "web", undefined]);
    writeFileSync(join(await store.path(web), "file"), "content");
    const committed = await store.commit("base", "web", { a: "1", empty: "" });
    assert.deepEqual([committed.id, committed.kind, committed.labels], [1, "committed", { a: "1" }]);
    await store.whenDurable(1);
    assert.equal((await store.stat(committed)).flush, undefined);
    const child = await store.prepare("web", "base");
    assert.equal(readFileSync(join(await store.path(child), "file"), "utf8"), "content");
    await store.rename({ kind: "committed", key: "base" }, "renamed");
    assert.equal((await store.stat(child)).parent, "renamed");
    await assert.rejects(
      store.remove({ kind: "committed", key: "renamed" }),
      refused("FailedPrecondition", /active\/web/),
    );
    await store.remove(child);
    await store.remove({ kind: "committed", key: "renamed" });
    await store.cleanup();
    assert.deepEqual(directories(), []);
    assert.equal((await store.prepare("next", undefined)).id, 3);
  });

  it("answers with containerd's classes in containerd's order", async () => {
    await store.prepare("a", undefined);
    await assert.rejects(store.prepare("a", "missing"), refused("NotFound", /committed\/missing/));
    await assert.rejects(store.prepare("a", undefined), refused("AlreadyExists", /active\/a/));
    await assert.rejects(store.prepare("", undefined), refused("InvalidArgument", /name/));
    await store.commit("b", "a");
    await assert.rejects(store.commit("b", "a"), refused("NotFound", /active\/a/));
    await store.prepare("a", undefined);
    await assert.rejects(store.commit("b", "a"), refused("AlreadyExists", /committed\/b/));
    await assert.rejects(store.remove({ kind: "view", key: "a" }), refused("NotFound", /views\/a/));
    await assert.rejects(
      store.mounts({ kind: "committed", key: "b" }),
      refused("FailedPrecondition", /view/),
    );
    await assert.rejects(
      store.update({ kind: "active", key: "a" }, {}, "kind"),
      refused("InvalidArgument", /kind/),
    );
    await store.hold({ kind: "active", key: "a" }, "mine");
    await assert.rejects(store.remove({ kind: "active", key: "a" }), refused("FailedPrecondition", /mine/));
  });

  it("gives containerd's mounts", async () => {
    const a = await store.prepare("a", undefined);
    await store.commit("base", "a");
    const child = await store.prepare("a", "base");
    const view = await store.view("v", "base");
    const empty = await store.view("w", undefined);
    const source = (id: number): string => join(directory, "snapshots", String(id));
    assert.deepEqual(await store.mounts(child), [
      { type: "bind", source: source(child.id), options: ["rbind", "rw"] },
    ]);
    assert.deepEqual(await store.mounts(view), [
      { type: "bind", source: source(a.id), options: ["rbind", "ro"] },
    ]);
    assert.deepEqual(await store.mounts(empty), [
      { type: "bind", source: source(empty.id), options: ["rbind", "ro"] },
    ]);
    assert.equal(existsSync(source(view.id)), false);
    assert.deepEqual(await store.usage(view), { inodes: 0, size: 0 });
  });

  it("leaves nothing of what failed", async () => {
    await store.prepare("a", undefined);
    await store.commit("base", "a");
    await store.whenDurable(1);
    engine.failure = new SysError(ENOSPC, "write", "x");
    await assert.rejects(store.prepare("web", "base"), refused("OutOfSpace", /active\/web/));
    await assert.rejects(store.prepare("web", "base", { sync: true }), refused("OutOfSpace", /active\/web/));
    const abort = new AbortController();
    abort.abort();
    await assert.rejects(
      store.prepare("web", "base", { sync: true, signal: abort.signal }),
      refused("Cancelled", /web/),
    );
    engine.failure = undefined;
    assert.deepEqual(directories(), ["1"]);
    assert.equal((await store.prepare("web", "base")).id, 2);
  });

  it("keeps labels as containerd does", async () => {
    const a = await store.prepare("a", undefined, { labels: { x: "1", none: "" } });
    assert.deepEqual(a.labels, { x: "1" });
    assert.deepEqual((await store.update(a, { y: "2" }, "labels.y")).labels, { x: "1", y: "2" });
    assert.deepEqual((await store.update(a, {}, "labels.x")).labels, { y: "2" });
    assert.deepEqual((await store.update(a, { "p.q/r": "3" })).labels, { "p.q/r": "3" });
    const names: string[] = [];
    await store.walk((info) => void names.push(info.key), 'labels."p.q/r"==3,kind==active');
    assert.deepEqual(names, ["a"]);
    await assert.rejects(
      store.walk(() => undefined, "name="),
      refused("InvalidArgument", /position/),
    );
  });

  it("undoes and finishes what a crash has left", async () => {
    await store.prepare("a", undefined);
    await store.prepare("b", undefined);
    await crash();
    mkdirSync(join(directory, "snapshots", "new-1234"));
    mkdirSync(join(directory, "snapshots", "rm-77"));
    mkdirSync(join(directory, "snapshots", "99"));
    await open();
    await store.cleanup();
    assert.deepEqual(
      directories().filter((name) => !name.startsWith("new-")),
      ["1", "2"],
    );
    assert.deepEqual(
      store.reader.list("active", undefined, 10).map((info) => info.key),
      ["a", "b"],
    );
    assert.equal((await store.prepare("c", undefined)).id, 100);
  });

  it("keeps what a power cut has left without a record, and tells of it", async () => {
    await store.prepare("a", undefined);
    await crash("another boot");
    mkdirSync(join(directory, "snapshots", "7"));
    writeFileSync(join(directory, "snapshots", "7", "work"), "of hours");
    await open();
    assert.match(store.recovered.join("\n"), /active\/recovered-7 /);
    const path = await store.path({ kind: "active", key: "recovered-7" });
    assert.equal(readFileSync(join(path, "work"), "utf8"), "of hours");
    assert.equal((await store.prepare("c", undefined)).id, 8);
  });

  it("takes back what it did in directories when the metadata cannot be written", async () => {
    await store.prepare("a", undefined);
    const atWriting = (errno: number): void =>
      setFaultHook((operation) => (operation === "transaction" ? -errno : 0));
    try {
      for (const errno of [ENOSPC, EIO, EDQUOT]) {
        atWriting(errno);
        const failed = (error: unknown): boolean => error instanceof StoreError && error.errno === errno;
        await assert.rejects(store.prepare("b", undefined), failed);
        await assert.rejects(store.remove({ kind: "active", key: "a" }), failed);
        await assert.rejects(store.commit("b", "a"), failed);
        await assert.rejects(store.rename({ kind: "active", key: "a" }, "b"), failed);
        await assert.rejects(store.update({ kind: "active", key: "a" }, { x: "y" }), failed);
        assert.deepEqual(directories(), ["1"]);
      }
    } finally {
      setFaultHook(undefined);
    }
    assert.equal((await store.prepare("b", undefined)).id, 2);
    await store.remove({ kind: "active", key: "a" });
    await store.cleanup();
    assert.deepEqual(directories(), ["2"]);
  });

  it("takes a commit back that may not have reached the disk, and what was made from it", async () => {
    await store.prepare("a", undefined);
    await store.commit("base", "a");
    await store.whenDurable(1);
    await store.prepare("web", "base");
    await store.close();
    const metadata = new Metadata(join(directory, "metadata.mdb"), false);
    metadata.transaction(() => {
      metadata.put(1, { ...metadata.get(1)!, flush: { formerKey: "a", boot: "another", mount: "m1" } });
      metadata.setWork(1, { flush: true });
      metadata.setSetting("clean", undefined);
    });
    await metadata.durable();
    await metadata.close();
    await open();
    assert.match(store.recovered.join("\n"), /committed\/base .* active\/a again/);
    assert.deepEqual(store.reader.list("committed", undefined, 10), []);
    assert.equal((await store.stat({ kind: "active", key: "web" })).parent, undefined);
  });

  it("is had by one process, and not by an older version", async () => {
    store.setLockInfo({ mountpoint: "/mnt/x", driver: "kernel", passthrough: false });
    await assert.rejects(
      openStore(directory, { engine: new PlainEngine() }),
      refused("Busy", /mounted at \/mnt\/x/),
    );
    await store.close();
    const metadata = new Metadata(join(directory, "metadata.mdb"), false);
    metadata.transaction(() => metadata.setSchema(99));
    await metadata.close();
    await assert.rejects(
      openStore(directory, { engine: new PlainEngine() }),
      refused("InvalidArgument", /schema 99/),
    );
    assert.equal(readFileSync(join(directory, "lock"), "utf8").trim(), "");
  });
});
