import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { closeSync, openSync, readdirSync, readFileSync, readSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { lockOwner } from "../src/store/lock.js";
import { Arena } from "./support/arena.js";
import { until } from "./support/command-line.js";
import type { FileSystemType } from "./support/image.js";

const MANY = 6000;

/** What shell.test.ts cannot say with a shell: editors, large trees, attributes, and who reads while something changes. */
describe("info/", () => {
  let arena: Arena;
  before(() => {
    arena = new Arena();
    arena.sh("mkdir active/base && echo 1 > active/base/file && mv active/base committed/");
  });
  after(() => arena.close());

  const errorOf = (command: string): string =>
    spawnSync("sh", ["-ec", command], { cwd: arena.mnt, encoding: "utf8" }).stderr;

  it("gives who opened a file one value, whatever happens meanwhile", () => {
    arena.sh("mkdir active/value && echo old > info/active/value/labels/l");
    const open = openSync(join(arena.mnt, "info/active/value/labels/l"), "r");
    arena.sh("echo new > info/active/value/labels/l");
    const buffer = Buffer.alloc(16);
    assert.equal(buffer.latin1Slice(0, readSync(open, buffer)), "old\n");
    closeSync(open);
    assert.equal(arena.sh("cat info/active/value/labels/l; rmdir active/value"), "new\n");
  });

  it("lets editors save labels in their ways", () => {
    arena.sh("mkdir active/edit && echo one > info/active/edit/labels/l");
    const labels = "info/active/edit/labels";
    arena.sh(`sed -i s/one/two/ ${labels}/l`);
    assert.equal(arena.sh(`cat ${labels}/l; ls ${labels}`), "two\nl\n");
    const save = `
import os, tempfile
fd, name = tempfile.mkstemp(prefix=".l.", dir="${labels}")
os.write(fd, b"thr"); os.write(fd, b"ee\\n"); os.fsync(fd); os.close(fd)
os.replace(name, "${labels}/l")
os.rename("${labels}/l", "${labels}/l~")
with open("${labels}/l", "x") as file: file.write("four\\n")
assert sorted(os.listdir("${labels}")) == ["l", "l~"]
os.unlink("${labels}/l~")
with open("${labels}/l", "r+") as file: file.truncate(2); file.seek(2); file.write("x\\n")`;
    arena.sh(`python3 -c '${save}'`);
    assert.equal(arena.sh(`cat ${labels}/l; ls -A ${labels}`), "fox\nl\n");
    assert.match(errorOf(`chmod 600 ${labels}/l`), /not permitted/);
    arena.sh(`touch ${labels}/l; chmod 644 ${labels}/l; chown 0:0 ${labels}/l; rmdir active/edit`);
  });

  it("keeps labels with the oddest keys, and over a remount", () => {
    arena.sh("mkdir active/odd");
    const labels = "info/active/odd/labels";
    for (const key of ["constructor", "%2Ehidden", "a b", "k".repeat(255), "ü"])
      arena.sh(`echo '${key.slice(0, 9)}' > '${labels}/${key}'`);
    assert.match(errorOf(`echo x > ${labels}/__proto__`), /Invalid argument|nonexistent/);
    const list = (): string => arena.sh(`cd ${labels}; for l in *; do cat "$l"; done`);
    const expected = "%2Ehidden\na b\nconstruct\nkkkkkkkkk\nü\n";
    assert.equal(list(), expected);
    arena.unmount();
    arena.mount([]);
    assert.equal(list(), expected);
    arena.sh(`rm ${labels}/constructor`);
    assert.equal(list(), expected.replace("construct\n", ""));
    arena.sh("rmdir active/odd");
  });

  it("lists hundreds of children, each once", () => {
    // Long names, so that they do not fit into one answer.
    const name = (i: number): string => `${"long".repeat(50)}-${i}`;
    arena.sh(`for i in $(seq 300); do mkdir views/${name(0).slice(0, -1)}$i@base; done`);
    const listed = arena.sh("ls info/committed/base/children").trim().split("\n").sort();
    assert.deepEqual(listed, Array.from({ length: 300 }, (_, i) => `views:${name(i + 1)}`).sort());
    assert.equal(arena.sh(`cat info/committed/base/children/views:${name(299)}/kind`), "view\n");
    arena.sh("rmdir views/*");
  });

  it("goes on with a listing where it was, when what was listed last is removed", () => {
    arena.sh("for i in $(seq 1000 1300); do mkdir active/short-lived-$i; done");
    const list = `
import ctypes, os, struct
libc, buffer, seen = ctypes.CDLL(None), ctypes.create_string_buffer(2048), []
fd = os.open("active", os.O_RDONLY)
while True:
    length, at = libc.syscall(${process.arch === "arm64" ? 61 : 217}, fd, buffer, len(buffer)), 0
    if length <= 0: break
    while at < length:
        size = struct.unpack_from("<H", buffer, at + 16)[0]
        seen.append(buffer.raw[at + 19:at + size].split(b"\\0")[0].decode())
        at += size
    if seen[-1].startswith("short"): os.rmdir("active/" + seen[-1])
print(*sorted(name for name in seen if name.startswith("short")), sep="\\n")`;
    const expected = Array.from({ length: 301 }, (_, i) => `short-lived-${1000 + i}`);
    assert.deepEqual(arena.sh(`python3 -c '${list}'`).trim().split("\n"), expected);
    assert.ok(arena.sh("ls -d active/short-lived-* | wc -l").trim() !== "301");
    arena.sh("rmdir active/short-lived-*");
  });

  it("streams the changes of a large tree, as far as somebody reads", async () => {
    arena.sh(`
      mkdir active/large; cd active/large; mkdir a b c; seq ${MANY} | split -l 1 -a 4 - a/file-
      cp -a a/file-aaaa b/; cd ../..; mv active/large committed/; mkdir active/much@large
      rm -r active/much/b; rm active/much/a/*z; echo x > active/much/c/new`);
    const wrong = arena.sh("grep -vE '^D a/file-...z$' info/active/much/changes");
    assert.equal(wrong, "D b\nA c/new\n");
    const deleted = arena.sh("ls committed/large/a | grep -c 'z$'").trim();
    assert.equal(arena.sh("grep -c '^D a/' info/active/much/changes").trim(), deleted);
    const all = arena.sh("cat info/committed/large/changes | sort -u | wc -l").trim();
    assert.equal(Number(all), MANY + 4);
    const descriptors = (): number => readdirSync(`/proc/${lockOwner(arena.store)?.pid}/fd`).length;
    const open = descriptors();
    assert.equal(
      arena.sh("for i in $(seq 20); do head -c 1 info/committed/large/changes; done"),
      "A".repeat(20),
    );
    assert.ok(await until(() => descriptors() <= open), "what was open for half-read lists stays open");
  });

  it("ends a list with an error when the snapshot is removed meanwhile", () => {
    const list = openSync(join(arena.mnt, "info/active/much/changes"), "r");
    arena.sh("rmdir info/active/much");
    assert.throws(() => readSync(list, Buffer.alloc(4096)), /ENOENT|ESTALE/);
    closeSync(list);
    arena.sh("rmdir committed/large");
  });

  it("finds changes of owner, attributes, ACLs, capabilities and devices", () => {
    arena.sh(`
      mkdir active/attr; cd active/attr; touch acl cap same user; mkdir dir owned
      mknod fifo p; mknod white c 0 0; setfattr -n user.old -v 1 user; setfattr -n user.a -v 1 same
      cd ../..; mv active/attr committed/; mkdir active/attr@attr`);
    assert.equal(arena.sh("cat info/active/attr/changes"), "");
    // Times are set back, so that nothing else tells.
    arena.sh(`
      cd active/attr; setfacl -m u:1:r acl; setcap cap_chown+p cap; setfattr -n user.old -v 2 user
      setfattr -n trusted.x -v 1 dir; chown 1 owned; rm white; mknod white c 1 3; mknod new c 0 0
      for f in acl cap user white; do touch -r ../../committed/attr/$f $f; done`);
    const expected = ["M acl", "M cap", "M dir", "A new", "M owned", "M user", "M white"];
    assert.equal(arena.sh("cat info/active/attr/changes"), `${expected.join("\n")}\n`);
    arena.sh("rm -r active/attr; rmdir committed/attr");
  });
});

for (const type of ["xfs", "btrfs"] as const satisfies readonly FileSystemType[]) {
  it(`finds a byte that was changed in a reflink, on ${type}`, () => {
    const arena = new Arena({ type });
    try {
      arena.sh(`
        mkdir active/base; head -c 32M /dev/urandom > active/base/same; cp active/base/same active/base/other
        mv active/base committed/; mkdir active/web@base`);
      assert.equal(readFileSync(join(arena.mnt, "info/active/web/changes"), "utf8"), "");
      arena.sh(`
        before=$(head -c 20000001 active/web/other | tail -c 1 | od -An -tu1)
        printf "\\\\$(printf %03o $(( (before + 1) % 256 )))" | dd of=active/web/other bs=1 seek=20000000 conv=notrunc status=none
        touch -r committed/base/other active/web/other`);
      assert.equal(readFileSync(join(arena.mnt, "info/active/web/changes"), "utf8"), "M other\n");
    } finally {
      arena.close();
    }
  });
}
