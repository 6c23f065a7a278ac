import assert from "node:assert/strict";
import { after, describe, it } from "node:test";
import { Arena } from "./support/arena.js";

describe("overlayfs on top of the mount", () => {
  const arena = new Arena();
  after(() => arena.close());

  it("takes its lower layer from committed/ and upper and work from active/", () => {
    const output = arena.sh(`
      mkdir active/lower active/top
      mkdir -p active/lower/dir/deep active/top/upper active/top/work
      echo low > active/lower/dir/file; echo gone > active/lower/gone; echo old > active/lower/dir/deep/old
      setfattr -n user.x -v kept active/lower/dir/file
      mv active/lower committed/lower
      merged=$(mktemp -d)
      mount -t overlay overlay -o lowerdir=$PWD/committed/lower,upperdir=$PWD/active/top/upper,workdir=$PWD/active/top/work $merged
      trap 'umount $merged; rmdir $merged' EXIT
      cat $merged/dir/file
      echo high >> $merged/dir/file
      rm $merged/gone
      mv $merged/dir/deep/old $merged/dir/new
      rm -r $merged/dir/deep; mkdir $merged/dir/deep; echo fresh > $merged/dir/deep/fresh
      chmod 600 $merged/dir/file
      cat $merged/dir/file $merged/dir/new $merged/dir/deep/*
      getfattr --only-values -n user.x $merged/dir/file; echo
      ls $merged`);
    assert.equal(output, "low\nlow\nhigh\nold\nfresh\nkept\ndir\n");
    assert.equal(arena.sh("cat committed/lower/dir/file committed/lower/gone"), "low\ngone\n");
    assert.equal(arena.sh("stat -c %F,%t,%T active/top/upper/gone"), "character special file,0,0\n");
    assert.equal(arena.sh("cat active/top/upper/dir/file"), "low\nhigh\n");
  });
});
