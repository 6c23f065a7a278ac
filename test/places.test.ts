import assert from "node:assert/strict";
import { existsSync, mkdirSync, mkdtempSync, rmSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, test } from "node:test";
import { Failure, type FailureKind } from "../src/daemon/failure.js";
import { preparePlaces } from "../src/daemon/places.js";

let dir = "";
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "snapmount-places-"));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

const at = (path: string): string => join(dir, path);

/** Checks that these places are refused, and that nothing is left of the attempt. */
function refused(store: string, mountpoint: string, kind: FailureKind, message: RegExp): void {
  const before = [at("store"), at("mnt"), at("new")].map((path) => existsSync(path));
  assert.throws(
    () => preparePlaces(store, mountpoint),
    (error: unknown) => {
      assert.ok(error instanceof Failure, String(error));
      assert.equal(error.kind, kind);
      assert.match(error.message, message);
      return true;
    },
  );
  assert.deepEqual(
    [at("store"), at("mnt"), at("new")].map((path) => existsSync(path)),
    before,
  );
}

test("store and mountpoint are made when missing, the store for its owner only", () => {
  const places = preparePlaces(at("new/deep/store"), at("mnt"));
  assert.equal(statSync(at("new/deep/store")).mode & 0o777, 0o700);
  assert.equal(statSync(at("new/deep")).mode & 0o777, 0o777 & ~process.umask());
  assert.equal(statSync(at("mnt")).isDirectory(), true);
  assert.deepEqual([places.store, places.mountpoint], [at("new/deep/store"), at("mnt")]);
  places.undo();
  assert.equal(existsSync(at("new")), false);
  assert.equal(existsSync(at("mnt")), false);
});

test("undo leaves what was there before, and what is no longer empty", () => {
  mkdirSync(at("mnt"));
  const places = preparePlaces(at("store"), at("mnt"));
  writeFileSync(at("store/precious"), "");
  places.undo();
  assert.equal(existsSync(at("store/precious")), true);
  assert.equal(existsSync(at("mnt")), true);
});

test("symbolic links are followed, but not into nothing", () => {
  mkdirSync(at("real"));
  symlinkSync("real", at("store"));
  assert.equal(preparePlaces(at("store"), at("mnt")).store, at("real"));
  symlinkSync("nowhere", at("link"));
  refused(at("link"), at("mnt"), "store", /link that leads nowhere: remove it/);
  refused(at("store"), at("link"), "mountpoint", /link that leads nowhere: remove it/);
});

test("files are refused", () => {
  writeFileSync(at("file"), "");
  refused(at("file"), at("mnt"), "store", /store .*file is not a directory: name a directory/);
  refused(at("store"), at("file"), "mountpoint", /mountpoint .*file is not a directory/);
  refused(at("file/store"), at("mnt"), "store", /file\/store cannot be used: Not a directory/);
});

test("a mountpoint that is not empty is refused", () => {
  mkdirSync(at("mnt"));
  writeFileSync(at("mnt/.hidden"), "");
  refused(at("new"), at("mnt"), "mountpoint", /mnt is not empty: choose an empty directory/);
});

test("a directory that holds something else is no store", () => {
  mkdirSync(at("store/lost+found"), { recursive: true });
  writeFileSync(at("store/lock"), "");
  preparePlaces(at("store"), at("mnt")).undo();
  writeFileSync(at("store/letter"), "");
  refused(at("store"), at("mnt"), "store", /store holds something else \("letter"\): name a store/);
  writeFileSync(at("store/metadata.mdb"), "");
  preparePlaces(at("store"), at("mnt"));
});

test("a mountpoint where something is mounted is refused, naming it", () => {
  refused(at("store"), "/proc", "mountpoint", /\/proc is already mounted \(.*type proc\).*umount \/proc/);
});

test("places that contain each other are refused", () => {
  refused(at("store"), at("store"), "mountpoint", /the store and the mountpoint at once/);
  refused(at("store"), at("store/mnt"), "mountpoint", /inside the store.*do not contain each other/);
  refused(at("mnt/store"), at("mnt"), "mountpoint", /inside the mountpoint/);
  mkdirSync(at("real"));
  symlinkSync("real", at("alias"));
  refused(at("real"), at("alias/x"), "mountpoint", /inside the store/);
  preparePlaces(at("a"), at("ab")).undo();
});

test("names that are too long are refused with a remedy", () => {
  refused(at("n".repeat(256)), at("mnt"), "store", /File name too long \(choose a shorter path\)/);
});
