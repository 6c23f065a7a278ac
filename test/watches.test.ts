import assert from "node:assert/strict";
import * as fs from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, it } from "node:test";
import type { RawName } from "../src/base/bytes.js";
import { O_DIRECTORY, O_PATH } from "../src/sys/constants.js";
import { close, openAt } from "../src/sys/file.js";
import { Stat, statAt } from "../src/sys/stat.js";
import type { EntryState } from "../src/tree/entry/entry-state.js";
import { Watches } from "../src/tree/entry/watches.js";

const MINUTE = 60_000;
/** Nodes of the directory, of one below it, and of files in it. */
const [TOP, BELOW, FILE, OTHER] = [2, 3, 4, 5] as const;
const ENTRY = {} as EntryState;
const name = (text: string): RawName => text as RawName;

interface Place {
  parent: number;
  name: string;
}

let directory = "";
let fds: Record<number, number> = {};
let places: Record<number, Place> = {};
let notices: string[] = [];
let clock = 0;
let watches: Watches;

/** How a file is now, but for its times. @param age ms since it was changed last */
function stat(path: string, age = 10 * MINUTE): Stat {
  const out = new Stat();
  assert.equal(statAt(out, fds[TOP]!, name(path)), 0);
  const changed = Date.now() - age;
  out.ctime = Math.floor(changed / 1000);
  out.ctimeNs = (changed % 1000) * 1e6;
  return out;
}

/** What is told to the kernel once events have been taken in. */
function told(): string[] {
  watches.attend();
  return notices.splice(0).sort();
}

const prolong = (path: string, node: number, age?: number): number =>
  watches.prolong(TOP, name(path), node, stat(path, age));
const path = (text: string): string => join(directory, text);

beforeEach(() => {
  directory = fs.mkdtempSync(join(tmpdir(), "snapmount-watches-"));
  fs.mkdirSync(path("below"));
  for (const file of ["file", "other"]) fs.writeFileSync(path(file), "text");
  const open = (text: string): number => openAt(-100, path(text), O_PATH | O_DIRECTORY);
  fds = { [TOP]: open("."), [BELOW]: open("below") };
  places = {
    [TOP]: { parent: 0, name: "" },
    [BELOW]: { parent: TOP, name: "below" },
    [FILE]: { parent: TOP, name: "file" },
    [OTHER]: { parent: TOP, name: "other" },
  };
  notices = [];
  clock = 1000;
  const around = {
    nodes: {
      entry: () => ENTRY,
      parent: (node: number) => places[node]!.parent,
      name: (node: number) => name(places[node]!.name),
    },
    directory: (node: number) => fds[node] ?? -2,
    look: () => true,
  };
  watches = new Watches(around, true, () => clock);
  watches.control = {
    invalidateInode: (node, offset) => void notices.push(`${node} ${offset}`),
    expireEntry: (parent, expired) => {
      notices.push(`${parent}/${expired}`);
      return Promise.resolve();
    },
  };
});
afterEach(() => {
  watches.closeAll();
  for (const fd of Object.values(fds)) close(fd);
  fs.rmSync(directory, { recursive: true });
});

describe("what is asked for again", () => {
  it("is kept for a minute, unless it was changed just now", () => {
    assert.equal(prolong("file", FILE, 900), 0);
    assert.equal(watches.size, 0);
    assert.equal(prolong("file", FILE, 1100), MINUTE);
    assert.equal(watches.size, 1);
    assert.equal(watches.prolongAttributes(FILE, stat("file")), MINUTE);
    assert.equal(watches.prolongAttributes(OTHER, stat("other")), 0, "its name is not kept");
    assert.equal(watches.prolongAbsence(TOP, name("absent")), MINUTE);
    assert.equal(watches.prolongAbsence(BELOW, name("absent")), 0, "that is not watched");
  });

  it("is not when another name may change it, or it is no file, directory or link", () => {
    fs.linkSync(path("file"), path("second"));
    assert.equal(prolong("file", FILE), 0);
    const fifo = stat("other");
    fifo.mode = 0o010644;
    assert.equal(watches.prolong(TOP, name("other"), OTHER, fifo), 0);
    assert.equal(watches.size, 0);
  });

  it("is looked at once more when its watch has only begun", () => {
    let looks = 0;
    const around = {
      nodes: { entry: () => ENTRY, parent: () => TOP, name: () => name("file") },
      directory: () => fds[TOP]!,
      look: () => ++looks > 1,
    };
    const careful = new Watches(around, true);
    assert.equal(careful.prolong(TOP, name("file"), FILE, stat("file")), 0, "it is another file now");
    assert.equal(careful.prolong(TOP, name("file"), FILE, stat("file")), MINUTE);
    assert.equal(looks, 1);
    careful.closeAll();
  });

  it("is never when nothing is to be watched", () => {
    const none = new Watches({ nodes: {} as never, directory: () => -2, look: () => true }, false);
    assert.equal(none.prolong(TOP, name("file"), FILE, stat("file")), 0);
    assert.equal(none.prolongAbsence(TOP, name("absent")), 0);
    assert.deepEqual([none.fd, none.attend()], [-1, -1]);
    none.closeAll();
  });
});

describe("what is changed natively is taken back from the kernel", () => {
  beforeEach(() => {
    prolong("file", FILE);
    prolong("other", OTHER);
    prolong("below", BELOW);
    watches.prolongAbsence(TOP, name("absent"));
    assert.deepEqual(told(), []);
  });

  it("attributes and content", () => {
    fs.chmodSync(path("file"), 0o600);
    assert.deepEqual(told(), [`${FILE} -1`]);
    fs.appendFileSync(path("other"), "more");
    assert.deepEqual(told(), [`${OTHER} -1`]);
    fs.chmodSync(path("below"), 0o700);
    assert.ok(told().includes(`${BELOW} -1`));
    fs.chmodSync(path("."), 0o711);
    assert.deepEqual(told(), [`${TOP} -1`]);
  });

  it("names, and once more a little later", () => {
    fs.renameSync(path("file"), path("moved"));
    assert.deepEqual(told(), [`${TOP} -1`, `${TOP}/file`, `${FILE} -1`]);
    const wanted = watches.attend();
    assert.ok(wanted > 0 && wanted <= 100, `${wanted}`);
    clock += 100;
    assert.deepEqual(told(), [`${TOP}/file`]);
    assert.equal(watches.attend(), -1);
    fs.unlinkSync(path("other"));
    assert.deepEqual(told(), [`${TOP} -1`, `${TOP}/other`, `${OTHER} -1`]);
    fs.writeFileSync(path("absent"), "");
    assert.deepEqual(told(), [`${TOP} -1`, `${TOP}/absent`]);
  });

  it("what appears in a directory changes the directory alone", () => {
    fs.writeFileSync(path("below/new"), "");
    assert.deepEqual(told(), [`${BELOW} -1`]);
  });

  it("everything, when a directory changes too fast or the kernel loses count", () => {
    for (let i = 0; i < 70; i++) fs.mkdirSync(path(`new${i}`));
    const taken = told();
    for (const what of [`${TOP}/file`, `${TOP}/other`, `${TOP}/absent`, `${FILE} -1`, `${OTHER} -1`])
      assert.ok(taken.includes(what), what);
    assert.equal(watches.size, 1, "only the one below is left");
    assert.equal(prolong("file", FILE), 0, "it has its rest");
    clock += 10_001;
    assert.equal(prolong("file", FILE), MINUTE);

    const most = Number(fs.readFileSync("/proc/sys/fs/inotify/max_queued_events", "latin1"));
    for (let i = 0; i <= most; i++) fs.chmodSync(path(i % 2 === 0 ? "below" : "."), 0o700 + (i % 7));
    assert.ok(told().includes(`${TOP}/file`));
    assert.equal(watches.size, 0);
  });

  it("many names a part at a time, so that requests are answered in between", () => {
    const absent = (i: number): RawName => name(`absent${i}`);
    for (let i = 0; i < 5000; i++) watches.prolongAbsence(TOP, absent(i));
    assert.equal(watches.prolongAbsence(TOP, absent(5000)), 0, "not too many are kept");
    assert.equal(watches.prolongAbsence(TOP, absent(1)), MINUTE, "this one is");
    watches.dropEntry(ENTRY, true);
    let turns = 0;
    let names = notices.splice(0).length;
    for (let wanted = 1; wanted > 0; turns++) {
      wanted = watches.attend();
      const some = notices.splice(0).length;
      assert.ok(some <= 512, `${some} at a time`);
      names += some;
      clock += 10;
    }
    assert.ok(names >= 2 * 4096 && turns > 16, `${names} in ${turns} turns`);
  });

  it("nothing, when it was the mount's own doing", () => {
    fs.unlinkSync(path("file"));
    watches.renewed(TOP, name("file"));
    assert.deepEqual(told(), [`${TOP} -1`]);
    fs.renameSync(path("other"), path("file"));
    watches.moved(TOP, name("other"), TOP, name("file"), false);
    assert.deepEqual(told(), [`${TOP} -1`, `${TOP}/file`], "the kernel has kept it by its new name");
  });
});

describe("I/O on files of a watched directory costs nothing more", () => {
  const LARGE = 2 ** 20;

  it("while somebody writes or has a large file open, and some time longer", () => {
    prolong("file", FILE);
    watches.opened(1, OTHER, false, 100);
    assert.deepEqual(told(), [], "small files are read by one call");
    watches.opened(2, OTHER, false, LARGE);
    watches.opened(3, OTHER, true, 0);
    assert.deepEqual(told(), [`${TOP} -1`, `${FILE} -1`]);
    fs.appendFileSync(path("other"), "more");
    assert.deepEqual(told(), [], "nothing of files is told");
    assert.equal(prolong("file", FILE), 0);
    fs.renameSync(path("file"), path("moved"));
    assert.deepEqual(told(), [`${TOP} -1`, `${TOP}/file`, `${FILE} -1`], "names still are");
    fs.renameSync(path("moved"), path("file"));
    told();

    clock += 10_001;
    told();
    assert.equal(prolong("file", FILE), 0, "they are still open");
    watches.released(2);
    watches.released(3);
    watches.released(99);
    assert.equal(prolong("file", FILE), MINUTE);
    fs.appendFileSync(path("file"), "more");
    assert.deepEqual(told(), [`${FILE} -1`]);
  });

  it("and nothing is told from the beginning where somebody writes already", () => {
    watches.opened(1, OTHER, true, 0);
    assert.equal(prolong("file", FILE), 0);
    fs.appendFileSync(path("file"), "more");
    assert.deepEqual(told(), []);
  });

  it("and a file that is written natively over and over is not told of each time", () => {
    prolong("file", FILE);
    for (let i = 0; i < 10; i++) {
      fs.appendFileSync(path("file"), "more");
      told();
    }
    fs.appendFileSync(path("file"), "more");
    assert.deepEqual(told(), []);
    assert.equal(prolong("file", FILE), 0);
  });
});

describe("a watch ends", () => {
  it("with its directory's node, its entry, or natively its directory", () => {
    prolong("file", FILE);
    prolong("below", BELOW);
    assert.equal(watches.size, 2);
    watches.dropNode(BELOW);
    assert.equal(watches.size, 1);
    prolong("below", BELOW);
    // A descriptor would keep it in the kernel.
    close(fds[BELOW]!);
    delete fds[BELOW];
    fs.rmdirSync(path("below"));
    assert.ok(told().includes(`${TOP}/below`));
    assert.equal(watches.size, 1);
    fs.chmodSync(path("."), 0o711);
    watches.dropEntry(ENTRY, false);
    assert.deepEqual(notices.splice(0), [`${TOP} -1`], "what had come before was still told");
    assert.equal(watches.size, 0);
    prolong("file", FILE);
    watches.dropEntry(ENTRY, true);
    assert.deepEqual(notices.sort(), [`${TOP} -1`, `${TOP}/file`, `${FILE} -1`], "it holds something else");
    assert.equal(watches.size, 0);
  });

  it("when others need the room, and not before nothing is kept because of it any more", () => {
    const THIRD = 6;
    fs.mkdirSync(path("third"));
    fds[THIRD] = openAt(-100, path("third"), O_PATH | O_DIRECTORY);
    const nodes = { entry: () => ENTRY, parent: () => 0, name: () => name("") };
    const around = { nodes, directory: (node: number) => fds[node]!, look: () => true };
    const two = new Watches(around, true, () => clock, 2);
    const below = (): number => two.prolong(TOP, name("below"), BELOW, stat("below"));
    const third = (): number => two.prolong(THIRD, name("x"), OTHER, stat("file"));
    assert.deepEqual([below(), third()], [MINUTE, 0]);
    clock += MINUTE - 10_000;
    assert.equal(below(), MINUTE);
    clock += 20_000;
    assert.deepEqual([third(), two.size], [0, 2], "both directories have been asked for since");
    clock += MINUTE;
    assert.deepEqual([third(), two.size], [MINUTE, 1]);
    two.closeAll();
  });
});
