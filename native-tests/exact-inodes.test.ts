import assert from "node:assert/strict";
import { linkSync, lstatSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { Arena } from "./support/arena.js";
import type { FileSystemType } from "./support/image.js";

/** Runs action and gives the name of its errno, or "ok". */
function errnoOf(action: () => void): string {
  try {
    action();
    return "ok";
  } catch (error) {
    return (error as NodeJS.ErrnoException).code ?? String(error);
  }
}

for (const type of ["ext4", "xfs", "btrfs"] satisfies FileSystemType[]) {
  describe(`inode numbers on ${type}`, () => {
    const arena = new Arena({ type });
    after(() => arena.close());

    it("are unique across the mount, in entries that are copies of each other too", () => {
      const base = arena.entry("base");
      for (let i = 0; i < 50; i++) {
        mkdirSync(join(base, `dir${i}`));
        writeFileSync(join(base, `dir${i}`, "file"), `${i}`);
      }
      arena.sh(`mv '${base}' committed/base; for i in 1 2 3; do mkdir active/copy$i@base; done`);
      const listing = arena
        .sh("find active committed info README -printf '%i %n %y %p\\n'")
        .trimEnd()
        .split("\n");
      const seen = new Map<string, string>();
      for (const line of listing) {
        const [inode = "", links = "", kind = "", path = ""] = line.split(" ");
        const other = seen.get(inode);
        assert.ok(
          other === undefined || (links !== "1" && kind === "f"),
          `${path} has the inode number of ${other}`,
        );
        seen.set(inode, path);
      }
      assert.ok(listing.length > 400, `only ${listing.length} inodes were seen`);
    });

    it("of tar and cp: nothing is linked that was not", () => {
      arena.sh(`
        mkdir active/links; echo 1 > active/links/a; ln active/links/a active/links/b; echo 2 > active/links/c
        test "$(tar -cf - -C active links copy1 copy2 | tar -tvf - | grep -c ' link to ')" = 1`);
    });

    it("a hard link has one inode number and one count on both sides", () => {
      const entry = arena.entry("hard");
      const native = arena.nativePath(entry.slice(arena.mnt.length + 1));
      writeFileSync(join(entry, "a"), "x");
      linkSync(join(entry, "a"), join(entry, "b"));
      const stats = [entry, native].flatMap((root) => ["a", "b"].map((name) => lstatSync(join(root, name))));
      assert.deepEqual(
        stats.map((s) => s.nlink),
        [2, 2, 2, 2],
      );
      assert.equal(stats[0]!.ino, stats[1]!.ino);
    });

    it("the directory of an entry has one number, in its own listing and in those below it", () => {
      arena.sh(`
        mkdir active/dots; mkdir active/dots/below; mv active/dots committed/; mkdir active/heir@dots
        cat info/active/heir/path > /dev/null
        for entry in committed/dots active/heir; do
          number=$(stat -c %i $entry)
          test "$(ls -ai1U $entry | grep -c "^ *$number [.]$")" = 1
          test "$(ls -ai1U $entry/below | grep -c "^ *$number [.][.]$")" = 1
        done`);
    });

    it("links and renames between entries are refused with EXDEV", () => {
      const [one, two] = [arena.entry("one"), arena.entry("two")];
      writeFileSync(join(one, "file"), "x");
      assert.equal(
        errnoOf(() => linkSync(join(one, "file"), join(two, "file"))),
        "EXDEV",
      );
      arena.sh(`mv '${one}/file' '${two}/file'; test "$(cat '${two}/file')" = x; test ! -e '${one}/file'`);
    });
  });
}
