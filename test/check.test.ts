import assert from "node:assert/strict";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, beforeEach, describe, it } from "node:test";
import { inspectStore } from "../src/store/inspection.js";
import { Metadata } from "../src/store/metadata.js";
import { openStore, type Store } from "../src/store/store.js";
import { StoreError } from "../src/store/types.js";
import { PlainEngine } from "./support/plain-engine.js";

const base = mkdtempSync(join(tmpdir(), "snapmount-check-"));
after(() => rmSync(base, { recursive: true, force: true }));
let count = 0;
let directory: string;

const open = (): Promise<Store> => openStore(directory, { engine: new PlainEngine() });
const snapshots = (...names: string[]): string => join(directory, "snapshots", ...names);

/** Changes the metadata behind the store's back. */
async function tamper(work: (metadata: Metadata) => void): Promise<void> {
  const metadata = new Metadata(join(directory, "metadata.mdb"), false);
  metadata.transaction(() => work(metadata));
  await metadata.close();
}

async function findings(repair = false): Promise<string[]> {
  const found = await inspectStore(directory, { repair });
  return found.findings.map(({ text, mended }) => (mended === undefined ? text : `${text}: ${mended}`));
}

/** Everything below the store but LMDB's lock file, as text. */
function content(): string[] {
  return readdirSync(directory, { recursive: true, encoding: "utf8" })
    .filter((name) => !name.endsWith("-lock"))
    .sort()
    .map((name) => {
      const path = join(directory, name);
      return existsSync(path) && name.includes(".") ? `${name} ${readFileSync(path, "latin1")}` : name;
    });
}

const damages: {
  readonly name: string;
  readonly damage: () => void | Promise<void>;
  readonly expect: readonly RegExp[];
}[] = [
  {
    name: "a directory that no snapshot has, which becomes one",
    damage: () => {
      mkdirSync(snapshots("77"));
      writeFileSync(snapshots("77", "file"), "kept");
    },
    expect: [/snapshots\/77 belongs to no snapshot: is active\/recovered-77 now/],
  },
  {
    name: "a snapshot whose directory has gone",
    damage: () => rmSync(snapshots("2"), { recursive: true }),
    expect: [/active\/web \(snapshot 2\) has no directory: its record is taken out/],
  },
  {
    name: "a committed snapshot whose directory has gone, although others were made from it",
    damage: () => rmSync(snapshots("1"), { recursive: true }),
    expect: [/committed\/base \(snapshot 1\) has no directory/],
  },
  {
    name: "a file in place of a directory",
    damage: () => {
      renameSync(snapshots("2"), snapshots("aside"));
      writeFileSync(snapshots("2"), "");
    },
    expect: [
      /snapshots\/2 is nothing that/,
      /snapshots\/aside is nothing that/,
      /active\/web .* has no directory/,
    ],
  },
  {
    name: "a snapshot that is not found by its name",
    damage: () => tamper((metadata) => metadata.unlink({ kind: "active", key: "web" })),
    expect: [/active\/web \(snapshot 2\) is not found by its name: is called web now/],
  },
  {
    name: "a name that leads nowhere",
    damage: () =>
      tamper((metadata) =>
        metadata.link(50, { kind: "view", key: "ghost", labels: {}, created: 1, updated: 1 }),
      ),
    expect: [/the name "ghost" leads to snapshot 50/],
  },
  {
    name: "a child that its parent does not know of",
    damage: () => tamper((metadata) => metadata.removeChild(1, 2)),
    expect: [/active\/web .* not among the children of snapshot 1: linked/],
  },
  {
    name: "a link to a child that is none",
    damage: () => tamper((metadata) => metadata.addChild(2, 3)),
    expect: [/snapshot 3 is among the children of 2 and was not made from it/],
  },
  {
    name: "a snapshot whose parent is unknown",
    damage: () => tamper((metadata) => metadata.put(2, { ...metadata.get(2)!, parentId: 40 })),
    expect: [
      /active\/web .* was made from snapshot 40, which is no committed one/,
      /snapshot 2 is among the children of 1/,
    ],
  },
  {
    name: "work that is not under way, and work that is not noted",
    damage: () =>
      tamper((metadata) => {
        metadata.setWork(2, { copy: true, flush: true });
        metadata.setWork(1, { remove: true });
        const flush = { formerKey: "x", boot: "b", mount: "m" };
        metadata.put(1, { ...metadata.get(1)!, flush });
      }),
    expect: [
      /1 is noted for a removal/,
      /2 is noted for a copy/,
      /2 is noted for a commit/,
      /committed\/base .* not noted/,
    ],
  },
  {
    name: "a number that would be given away again",
    damage: () =>
      tamper((metadata) => {
        const record = { kind: "active", key: "late", labels: {}, created: 1, updated: 1 } as const;
        metadata.put(9, record);
        metadata.link(9, record);
        mkdirSync(snapshots("9"));
      }),
    expect: [/the number of snapshot 9 would be given to another one: it is used up now/],
  },
  {
    name: "what an operation has left",
    damage: () => {
      mkdirSync(snapshots("new-0123"));
      mkdirSync(snapshots("rm-40"));
    },
    expect: [/new-0123 is left of an operation/, /rm-40 is left of an operation/],
  },
];

describe("inspecting a store", () => {
  beforeEach(async () => {
    directory = join(base, String(++count));
    mkdirSync(directory);
    const store = await open();
    const { id } = await store.prepare("a", undefined);
    writeFileSync(join(await store.path({ kind: "active", key: "a" }), "file"), "content");
    await store.commit("base", "a");
    await store.whenDurable(id);
    await store.prepare("web", "base");
    await store.view("look", "base");
    await store.close();
  });

  it("finds nothing in a store that is in order, and changes nothing", async () => {
    const before = content();
    assert.deepEqual(await findings(), []);
    assert.deepEqual(content(), before);
    assert.equal((await inspectStore(directory, { repair: false })).snapshots, 3);
  });

  for (const { name, damage, expect } of damages) {
    it(`finds ${name}, changes nothing, and mends it when asked`, async () => {
      await damage();
      const before = content();
      const found = await findings();
      assert.deepEqual(content(), before);
      const mended = await findings(true);
      for (const pattern of expect) assert.match(mended.join("\n"), pattern);
      assert.equal(found.length, mended.length, found.join("\n"));
      const left = (await findings()).filter((line) => !line.includes("is nothing that snapmount makes"));
      assert.deepEqual(left, []);
      const store = await open();
      await store.cleanup();
      await store.close();
      const after = (await findings()).filter((line) => !line.includes("is nothing that snapmount makes"));
      assert.deepEqual(after, []);
      if (name.includes("which becomes one"))
        assert.equal(readFileSync(snapshots("77", "file"), "utf8"), "kept");
      if (existsSync(snapshots("1"))) assert.equal(readFileSync(snapshots("1", "file"), "utf8"), "content");
    });
  }

  it("finds a committed snapshot that was tampered with when it counts", async () => {
    writeFileSync(snapshots("1", "more"), "");
    const found = await inspectStore(directory, { repair: false, engine: new PlainEngine() });
    assert.match(
      found.findings.map(({ text }) => text).join("\n"),
      /committed\/base .* has 3 inodes, and was recorded with 2/,
    );
  });

  it("refuses a store that somebody has, one that is none, and one whose metadata is damaged", async () => {
    const store = await open();
    const refused = (kind: string, text: RegExp) => (error: unknown) =>
      error instanceof StoreError && error.kind === kind && text.test(error.message);
    await assert.rejects(inspectStore(directory, { repair: false }), refused("Busy", /in use by process/));
    await store.close();
    await assert.rejects(inspectStore(base, { repair: false }), refused("NotFound", /is no store/));
    const path = join(directory, "metadata.mdb");
    const whole = readFileSync(path);
    for (const damaged of [
      Buffer.alloc(whole.length, "text"),
      whole.subarray(0, 100),
      whole.subarray(0, 8192),
    ]) {
      writeFileSync(path, damaged);
      const damage = refused("Io", /metadata of the store .* (not that of a database|ends)/);
      await assert.rejects(inspectStore(directory, { repair: false }), damage);
      await assert.rejects(open(), damage);
    }
    writeFileSync(path, whole);
    assert.deepEqual(await findings(), []);
  });
});
