import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { after, before, describe, it } from "node:test";
import { debianTree } from "../scripts/debian-tree.js";
import { Arena } from "./support/arena.js";

/** What such a tree does not have: everything that is awkward to copy. */
const ODDITIES = `
  mkdir odd; cd odd
  mknod block b 8 1; mknod character c 1 3; mkfifo fifo; ln fifo fifo2
  python3 -c 'import socket; socket.socket(socket.AF_UNIX).bind("socket")'
  ln -s nowhere link; ln link link2; touch -h -d '2001-02-03 04:05:06.123456789' link
  setfattr -h -n trusted.test -v of-a-link link
  mkdir d1 d2; echo linked > d1/file; ln d1/file d2/file; ln d1/file zz
  truncate -s 8M holes; printf end | dd of=holes bs=1 seek=5000000 conv=notrunc status=none
  echo acl > acl; setfacl -m u:1234:rw acl; mkdir default; setfacl -d -m u:1234:rwx default
  cp /usr/bin/id suid; chmod 6755 suid; setcap cap_net_raw+ep acl
  echo x > user; setfattr -n user.test -v value user; setfattr -n trusted.test -v value user
  python3 -c 'import os; open(b"\\xff\\xfe name \\n", "w").close(); os.mkdir(b"\\xc3\\x28")'
  echo owned > owned; chown 1234:4321 owned; chmod 0 owned; chown -h 1:2 link; mkdir sticky; chmod 3777 sticky
  mkdir -p deep/a/b/c/d/e/f; touch -d '1999-12-31 23:59:59.999999999' deep deep/a/b/c owned
`;
/** Changes that are made natively and in an entry alike; times are set, since the moment cannot be the same. */
const CHANGES = `
  rm -r usr/share/perl odd/d2; rm etc/passwd odd/link; mv etc/group etc/groups; mv usr/sbin usr/superuser
  echo more >> etc/hostname; chmod 4711 usr/bin/env; chown 7:8 odd/owned; mkdir new; cp -a etc/pam.d new/
  ln new/pam.d/other new/hard; ln -s x new/soft; mknod new/null c 1 3; setfattr -n user.new -v 1 etc/groups
  truncate -s 100 usr/bin/id; setfacl -m u:99:r etc/groups
  find . -newermt '2026-01-01' -exec touch -h -d '2020-02-02 02:02:02.020202020' {} +
`;

for (const type of ["ext4", "xfs", "btrfs"] as const) {
  describe(`a Debian root tree on ${type}`, () => {
    let arena: Arena;
    let plain: string;
    const compare = (a: string, b: string): void => {
      const result = arena.program("compare_trees", a, b);
      assert.equal(result.stdout.slice(0, 4000), "");
      assert.equal(result.status, 0, result.stderr);
    };
    before(() => {
      arena = new Arena({ type });
      plain = arena.nativeDirectory("plain");
      arena.sh(`tar -C '${plain}' --xattrs --xattrs-include='*' --acls -xpf '${debianTree()}'`);
      arena.sh(`cd '${plain}' && { ${ODDITIES} }`);
    });
    after(() => arena.close());

    it("is taken in by tar through the mount", () => {
      arena.sh("mkdir active/base");
      arena.sh(
        `tar -C '${plain}' -S --xattrs --xattrs-include='*' --acls -cf - . | tar -C active/base --xattrs --xattrs-include='*' --acls -xpf -`,
      );
      // What tar does not carry: sockets, and times of links to the nanosecond.
      arena.sh(`rsync -aHAX '${plain}/' active/base/`);
      compare(plain, `${arena.mnt}/active/base`);
    });

    it("is committed, and a child of it is the same in everything", () => {
      arena.sh("mv active/base committed/ && mkdir active/child@base");
      compare(`${arena.mnt}/committed/base`, `${arena.mnt}/active/child`);
      compare(plain, arena.nativePath("active/child"));
      assert.equal(arena.sh("rsync -aHAXn --delete --itemize-changes committed/base/ active/child/"), "");
    });

    it("keeps the changes of the child apart from its parent, in commit and view", () => {
      const changed = arena.nativeDirectory("changed");
      arena.sh(`rsync -aHAX --sparse '${plain}/' '${changed}/'`);
      for (const directory of [changed, `${arena.mnt}/active/child`]) {
        const result = spawnSync("sh", ["-ec", CHANGES], { cwd: directory, encoding: "utf8" });
        assert.equal(result.status, 0, result.stderr);
      }
      arena.sh("mv active/child committed/child-1 && mkdir views/look@child-1");
      compare(changed, `${arena.mnt}/committed/child-1`);
      compare(changed, `${arena.mnt}/views/look`);
      compare(plain, `${arena.mnt}/committed/base`);
    });
  });
}

describe("a git repository", () => {
  let arena: Arena;
  before(() => {
    arena = new Arena();
  });
  after(() => arena.close());

  it("is cloned, committed, branched and clean", () => {
    const identity =
      "git config --global user.name test; git config --global user.email test@localhost; git config --global safe.directory '*'";
    const origin = arena.nativeDirectory("origin");
    const git = (command: string): string => arena.sh(`export HOME='${origin}'; ${identity}; ${command}`);
    git(
      `cd '${origin}' && git init -q -b main && cp -r /usr/share/perl . && git add perl && git commit -qm first`,
    );
    git(`git clone -q 'file://${origin}' active/work`);
    assert.equal(git("cd active/work && git status --porcelain"), "");
    git("mv active/work committed/work-1 && mkdir active/branch@work-1");
    assert.equal(git("cd active/branch && git status --porcelain"), "");
    assert.match(git("cd active/branch && git fsck --full 2>&1; echo rc $?"), /rc 0/);
    git("cd active/branch && git switch -qc topic && echo x > new && git add new && git commit -qm second");
    assert.equal(git("cd active/branch && git status --porcelain && git log --oneline | wc -l").trim(), "2");
    git("mv active/branch committed/work-2");
    assert.equal(
      git(
        "cd committed/work-1 && git --no-optional-locks status --porcelain && git log --oneline | wc -l",
      ).trim(),
      "1",
    );
  });
});
