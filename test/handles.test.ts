import assert from "node:assert/strict";
import * as fs from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { type RawName, rawFromText } from "../src/base/bytes.js";
import type { Caller, SessionControl } from "../src/fuse/filesystem.js";
import type { Info } from "../src/store/types.js";
import { AT_FDCWD, O_RDWR, O_WRONLY } from "../src/sys/constants.js";
import { openAt } from "../src/sys/file.js";
import { EntryState } from "../src/tree/entry/entry-state.js";
import { Handles } from "../src/tree/entry/handles.js";
import { Identity } from "../src/tree/entry/identity.js";

const NODE = 7;
const caller: Caller = {
  uid: process.geteuid?.() ?? 0,
  gid: process.getegid?.() ?? 0,
  pid: process.pid,
  umask: 0o022,
  onInterrupt: undefined,
};
/** A session whose kernel reads and writes native files itself. */
const control = {
  features: { passthrough: true },
  openBacking: () => 1,
  closeBacking: () => undefined,
} as unknown as SessionControl;

describe("files that may be mapped", () => {
  let path: RawName;
  let directory = "";
  const handles = new Handles(Identity.ofThread(), true);
  const entry = new EntryState({ id: 1, kind: "active" } as Info, 1);

  before(() => {
    directory = fs.mkdtempSync(join(tmpdir(), "snapmount-handles-"));
    path = rawFromText(join(directory, "file"));
    fs.writeFileSync(join(directory, "file"), "content");
  });
  after(() => fs.rmSync(directory, { recursive: true }));

  const open = (flags: number) => {
    const fd = openAt(AT_FDCWD, path, flags);
    assert.ok(fd >= 0);
    return handles.add(control, caller, NODE, entry, fd, flags, 0o100644).handle;
  };

  it("are those that are open for reading and writing", () => {
    const written = open(O_WRONLY);
    assert.equal(handles.hasWriter(NODE), true);
    assert.equal(handles.mayBeMapped(NODE, entry), false, "what is open for writing alone cannot be mapped");
    const both = open(O_RDWR);
    assert.equal(handles.mayBeMapped(NODE, entry), true);
    handles.remove(control, NODE, written);
    handles.remove(control, NODE, both);
    assert.equal(handles.mayBeMapped(NODE, entry), false);
    assert.equal(handles.hasWriter(NODE), false);
  });

  it("are asked again once nobody has them open: the RELEASE may have come before the last close had ended", () => {
    const handle = open(O_RDWR);
    const stillOpen = fs.openSync(join(directory, "file"), "r+");
    handles.remove(control, NODE, handle);
    assert.equal(handles.mayBeMapped(NODE, entry), true);
    assert.equal(handles.isEntryWritten(entry), true);
    fs.closeSync(stillOpen);
    assert.equal(handles.mayBeMapped(NODE, entry), false);
    assert.equal(entry.mapped.size, 0, "and nothing is kept");
  });

  it("are not taken for another file that gets the node's number", () => {
    const handle = open(O_RDWR);
    const stillOpen = fs.openSync(join(directory, "file"), "r+");
    const before = fs.readdirSync("/proc/self/fd").length;
    handles.remove(control, NODE, handle);
    handles.forgetMapped(NODE, entry);
    assert.equal(handles.mayBeMapped(NODE, entry), false);
    assert.equal(fs.readdirSync("/proc/self/fd").length, before - 1, "the descriptor is given back");
    fs.closeSync(stillOpen);
  });
});
