import assert from "node:assert/strict";
import { it } from "node:test";
import type { Arena } from "../support/arena.js";

/** A tree with everything that the variants have in common: whole milliseconds, and nothing that is for root. */
const TREE = `
  mkdir a a/b empty; echo one > a/one; ln a/one a/b/linked; ln -s ../one a/b/soft; ln -s nowhere broken
  mkfifo fifo; printf 'x%.0s' $(seq 100000) > large; cp large a/b/large; chmod 4711 large; chmod 600 a/one; chmod 2775 empty
  setfattr -n user.test -v value a/one; printf 'ümlaut' > 'ümlaut und space'; python3 -c 'open(b"\\xff\\xfe", "w").close()'
  setfacl -m u:1234:rw a/one
  find . -depth -exec touch -h -d '2001-02-03 04:05:06.789' {} +
`;
const TIME = "2001-02-03 04:05:06.789000000";

/** Real programs at ordinary work in an entry. */
export function programs(arena: () => Arena): void {
  /** A native tree, once for all. */
  let tree = "";
  const source = (): string => {
    if (tree === "") {
      tree = arena().nativeDirectory("tree");
      arena().sh(`cd '${tree}'; ${TREE}`);
    }
    return tree;
  };
  /** Fails unless an entry is the same as the native tree, in everything that the variant carries. */
  const same = (entry: string): void => {
    const result = arena().program("compare_trees", source(), `${arena().mnt}/${entry}`);
    assert.equal(result.stdout.slice(0, 4000), "");
    assert.equal(result.status, 0, result.stderr);
  };

  it("cp -a, into an entry and out of a commit", () => {
    arena().sh(`cp -a '${source()}' active/cp && mv active/cp committed/cp`);
    same("committed/cp");
    const back = arena().nativeDirectory("back");
    arena().sh(`cp -a committed/cp '${back}/cp' && diff -r --no-dereference '${back}/cp/a' '${source()}/a'`);
    arena().sh("mkdir active/child@cp && mkdir views/look@cp");
    same("active/child");
    same("views/look");
    arena().sh("rmdir info/active/child views/look committed/cp");
  });

  it("tar -x", () => {
    arena().sh(
      `mkdir active/tar; tar -C '${source()}' --xattrs --acls --format=posix -cf - . | tar -C active/tar --xattrs --acls -xpf -`,
    );
    same("active/tar");
    arena().sh("rm -r active/tar");
  });

  it("rsync -a, which then finds nothing to do", () => {
    arena().sh(`mkdir active/rsync; rsync -aHAX '${source()}/' active/rsync/`);
    same("active/rsync");
    assert.equal(arena().sh(`rsync -aHAX --delete --itemize-changes '${source()}/' active/rsync/`), "");
    arena().sh("rmdir info/active/rsync");
  });

  it("git clone, commit and status", () => {
    const origin = arena().nativeDirectory("origin");
    const git = (command: string): string =>
      arena().sh(
        `export HOME='${origin}'; git config --global user.name test; git config --global user.email test@localhost; git config --global safe.directory '*'; ${command}`,
      );
    git(
      `cd '${origin}' && git init -q -b main && cp -r /etc/perl /etc/skel . && git add . && git commit -qm first`,
    );
    git(`git clone -q 'file://${origin}' active/work`);
    assert.equal(git("cd active/work && git status --porcelain"), "");
    git("cd active/work && git switch -qc topic && echo x > new && git add new && git commit -qm second");
    assert.equal(git("cd active/work && git status --porcelain && git log --oneline | wc -l").trim(), "2");
    git("mv active/work committed/work && mkdir active/branch@work");
    assert.equal(git("cd active/branch && git status --porcelain; git fsck --full 2>/dev/null"), "");
    git("rmdir info/active/branch committed/work");
  });

  it("make builds what is older, and nothing twice", () => {
    arena().sh(
      `mkdir active/make; cd active/make; printf 'all: out stamp\\nout: in\\n\\tcp in out; echo built\\nstamp: out\\n\\ttouch stamp\\n' > Makefile; echo 1 > in`,
    );
    const make = (): string => arena().sh("make -s -C active/make");
    assert.equal(make(), "built\n");
    for (let i = 0; i < 10; i++) assert.equal(make(), "");
    // Written and touched in the same moment, again and again: nothing that was made may look older than its source.
    arena().sh(
      "cd active/make; for i in $(seq 50); do echo $i > in; cp in out; touch stamp; make -sq || exit 1; done",
    );
    arena().sh("touch -d 'next year' active/make/in");
    assert.equal(make(), "built\n");
    arena().sh("rm -r active/make");
  });

  it("touch sets times, of links too", () => {
    arena().sh(
      "mkdir active/touch; cd active/touch; echo > f; ln -s f l; touch -h -d '2001-02-03 04:05:06.789' f l",
    );
    assert.equal(
      arena().sh("cd active/touch; TZ=UTC stat -c '%.19y %.19x' f l"),
      `${TIME.slice(0, 19)} ${TIME.slice(0, 19)}\n`.repeat(2),
    );
    assert.match(arena().sh("cd active/touch; stat -c %y f"), /06\.789000000/);
    arena().sh("touch -m -d '2002-02-03 04:05:06.123' active/touch/f");
    assert.match(arena().sh("stat -c '%y %x' active/touch/f"), /^2002.*06\.123000000.* 2001/);
    arena().sh("touch -a -d '2003-02-03 04:05:06.123' active/touch/f");
    assert.match(arena().sh("stat -c '%y %x' active/touch/f"), /^2002.* 2003/);
    arena().sh("touch active/touch/new active/touch/f; test ! active/touch/new -nt active/touch/f");
    arena().sh("rm -r active/touch");
  });

  it("files that are removed or replaced while open go on working, and nothing of them is seen or committed", () => {
    arena().sh(`mkdir active/open; cd active/open; python3 -c '
import os
f = open("gone", "w+"); f.write("kept"); f.flush(); os.unlink("gone")
assert os.listdir(".") == [], os.listdir(".")
f.seek(0); assert f.read() == "kept" and os.fstat(f.fileno()).st_nlink == 0
g = open("old", "w+"); g.write("old"); g.flush()
with open("new", "w") as n: n.write("new")
os.rename("new", "old")
assert os.listdir(".") == ["old"], os.listdir(".")
g.seek(0); assert g.read() == "old" and open("old").read() == "new"
h = open("one", "w"); os.link("one", "two"); os.unlink("one"); assert os.fstat(h.fileno()).st_nlink == 1
os.unlink("two"); assert os.fstat(h.fileno()).st_nlink == 0
os.truncate(f.fileno(), 1); f.seek(0); assert f.read() == "k"
'`);
    assert.equal(arena().sh("mv active/open committed/open; ls -A committed/open"), "old\n");
    assert.equal(arena().sh("ls -A $(cat info/committed/open/path)"), "old\n");
    arena().sh("rmdir committed/open");
  });

  it("names are bytes", () => {
    arena().sh(`mkdir active/bytes; cd active/bytes; python3 -c '
import os
names = sorted([b"\\xff\\xfe", b"\\xc3(", "ü".encode(), b"new\\nline", b"-", b" ", b"n" * 255])
for name in names: open(name, "w").close()
assert sorted(os.listdir(b".")) == names
os.rename(b"\\xff\\xfe", b"\\xfe"); os.symlink(b"\\xff", b"link"); assert os.readlink(b"link") == b"\\xff"
d = b"d" * 200
for _ in range(8): os.mkdir(d); os.chdir(d)
open(b"\\xff", "w").close(); assert os.listdir(b".") == [b"\\xff"]
'`);
    arena().sh("rm -r active/bytes");
  });
}
