import assert from "node:assert/strict";
import { it } from "node:test";
import type { Arena } from "../support/arena.js";
import type { Variant } from "./capabilities.js";

/** What the shell commands that the mount is made of do, and what they are refused with (DESIGN, section 2). */
export function mountedNamespace(variant: Variant, arena: () => Arena): void {
  it("prepares, with the caller's umask, and by a name that goes on resolving", () => {
    arena().sh("(umask 027; mkdir active/empty); rmdir active/empty; (umask 027; mkdir active/mine)");
    assert.equal(arena().sh("stat -c %a active/mine; rmdir active/mine"), "750\n");
    arena().sh("d=active/web@base; mkdir $d && cd $d && cat file && ls ../web/file");
    assert.equal(arena().sh("ls active; readlink info/active/web/parent"), "web\n../../committed/base\n");
    assert.equal(arena().sh("cd -P info/active/web/parent && cat id"), "1\n");
    assert.match(arena().says("mkdir active/web"), /File exists/);
    assert.match(arena().says("mkdir active/x@missing"), /No such file/);
    assert.match(arena().says("mkdir active/.hidden"), /Operation not permitted/);
    assert.match(arena().says("mkdir committed/x"), /Operation not permitted/);
    arena().sh("rm -r active/web && test ! -e active/web");
  });

  it("views, read-only", () => {
    arena().sh("mkdir views/look@base && cat views/look/file && mkdir views/none");
    assert.match(arena().says("touch views/look/x"), /Read-only file system/);
    assert.match(arena().says("rmdir committed/base"), /busy/);
    assert.equal(
      arena().sh("cat info/views/look/mounts").trim(),
      `bind ${arena().store}/snapshots/1 ro,rbind`,
    );
    arena().sh("rmdir views/look views/none");
  });

  it("commits, and refuses when the name is taken or a file is open for writing", () => {
    arena().sh("mkdir active/a@base && echo more > active/a/file2");
    assert.match(arena().says("mv -T active/a committed/base"), /not empty/);
    assert.match(arena().says("exec 3> active/a/open; mv active/a committed/b"), /busy/);
    arena().sh("mv active/a committed/b && cat committed/b/file2");
    assert.match(arena().says("echo x > committed/b/file"), /Read-only file system/);
    assert.match(arena().says("rm -rf committed/b/file"), /Read-only file system/);
    assert.match(arena().says("chmod 777 committed/b"), /Read-only file system/);
    assert.match(arena().says("mv committed/b active/"), /Operation not permitted/);
    assert.match(arena().says("mv active active2"), /Operation not permitted|Permission denied|busy/);
    arena().sh("mv committed/b committed/c && test -e committed/c/file && rmdir committed/c");
  });

  it("removes whatever it holds in committed/ and views/, and only what is empty in active/", () => {
    arena().sh("mkdir active/r@base");
    assert.match(arena().says("rmdir active/r"), /not empty/);
    assert.match(arena().says("exec 3< active/r/file; rmdir info/active/r"), /busy/);
    arena().sh("rmdir info/active/r && test ! -e active/r");
    assert.match(arena().says("rmdir active/r"), /No such file/);
  });

  it("prepares by renaming an empty entry, as file managers make directories", () => {
    arena().sh("mkdir 'active/New Folder' && mv 'active/New Folder' active/web@base");
    assert.equal(arena().sh("ls active && cat active/web/file"), "web\ncontent\n");
    arena().sh("mkdir active/full && touch active/full/x");
    assert.match(arena().says("mv -T active/full active/other@base"), /not empty/);
    arena().sh("rm -r active/web active/full");
  });

  it("takes ordinary work, and is a file system of its own for each entry", () => {
    arena().sh("cp -a committed/base active/copy && cmp committed/base/file active/copy/file");
    arena().sh("mkdir active/other && mv active/copy/file active/other/ && cat active/other/file");
    const link = "import os; os.link('active/other/file', 'active/copy/hard')";
    assert.match(arena().says(`python3 -c "${link}"`), /Invalid cross-device link/);
    assert.match(arena().says("touch active/plain"), /Operation not permitted/);
    assert.match(arena().says("ln -s x active/link"), /Operation not permitted/);
    assert.match(arena().says("mv -T active/copy active/other/inside"), /Operation not permitted/);
    arena().sh("rm -r active/copy active/other");
  });

  it("has nothing by the names that desktops look for, and takes none", () => {
    for (const name of [".Trash-1000", ".hidden", "autorun.inf", "desktop.ini", "Thumbs.db"]) {
      for (const place of [".", "active", "committed", "views"]) {
        assert.match(arena().says(`ls '${place}/${name}'`), /No such file/);
        assert.match(arena().says(`mkdir '${place}/${name}'`), /Operation not permitted|Permission denied/);
      }
    }
  });

  it("gives every key one name and back, and answers impossible names", () => {
    const long = "n".repeat(255);
    for (const name of ["a b:c", "50%", "k8s.io%2F12", long]) {
      arena().sh(`mkdir 'active/${name}'`);
      assert.equal(arena().sh("ls -N active"), `${name}\n`);
      arena().sh(
        `mv 'active/${name}' active/plain && mv active/plain 'active/${name}' && rmdir 'active/${name}'`,
      );
    }
    assert.match(arena().says(`mkdir active/${long}n`), /File name too long/);
    for (const name of ["new\nline", "@", "a@", "@b"])
      assert.match(arena().says(`mkdir 'active/${name}'`), /Invalid argument/);
    const bytes = "import os; os.mkdir(b'active/\\xff\\xfe')";
    assert.match(arena().says(`python3 -c "${bytes}"`), /Invalid argument/);
  });

  it("keeps who may prepare: chmod and chown of its directories last", () => {
    const isRoot = variant !== "kernel without root";
    arena().sh(`chmod 1777 active; chmod 750 views; ${isRoot ? "chown 1000:1000 views" : ":"}`);
    const before = arena().sh("stat -c '%a %u:%g' active views");
    assert.match(before, isRoot ? /^1777 0:0\n750 1000:1000\n$/ : /^1777 (\d+:\d+)\n750 \1\n$/);
    arena().unmount();
    arena().mount([]);
    assert.equal(arena().sh("stat -c '%a %u:%g' active views"), before);
    arena().sh("chmod 755 views");
    if (variant !== "kernel") return;
    const asUser = "setpriv --reuid 1000 --regid 1000 --clear-groups";
    assert.equal(arena().says(`${asUser} mkdir active/users && ${asUser} touch active/users/file`), "");
    assert.match(arena().says(`${asUser} mv active/users committed/`), /Permission denied/);
    arena().sh("rm -r active/users");
  });

  it("says what is known of a snapshot, and explains itself", () => {
    const value = (name: string): string => arena().sh(`cat info/committed/base/${name}`);
    assert.equal(value("id"), "1\n");
    assert.equal(value("kind"), "committed\n");
    assert.match(value("created"), /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z\n$/);
    assert.equal(value("path"), `${arena().store}/snapshots/1\n`);
    assert.match(value("state"), /^(ready|committing)\n$/);
    assert.ok(Number(value("inodes")) === 2 && Number(value("size")) >= 4096);
    assert.match(arena().sh("cat README"), /mkdir active\/web@base/);
    const bind =
      'd=$(mktemp -d); read -r type source options < info/committed/base/mounts; mount -o "$options" "$source" "$d"; cat "$d/file"; umount "$d"; rmdir "$d"';
    // Mounting is for root, wherever the source comes from.
    if (variant !== "kernel without root") assert.equal(arena().sh(bind), "content\n");
    arena().sh("rmdir info/committed/base");
    assert.equal(arena().sh("ls committed"), "");
  });
}
