import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { after, before, describe, it } from "node:test";
import { debianTree } from "../scripts/debian-tree.js";
import { Arena } from "./support/arena.js";
import { CHANGES, ODDITIES } from "./support/tree-scripts.js";

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
