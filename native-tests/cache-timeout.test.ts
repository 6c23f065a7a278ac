import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { after, describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { Arena } from "./support/arena.js";

/** Longer than without the option, in ms. */
const LATER = 1200;

describe("an entry that may be kept for a day", () => {
  const arena = new Arena({ options: ["cache_timeout=86400"] });
  after(() => arena.close());

  it("keeps names and attributes, also those of what does not exist", async () => {
    const entry = arena.entry("kept");
    const native = arena.nativePath(entry.slice(arena.mnt.length + 1));
    const look = (): string => arena.sh(`cd '${entry}' && stat -c '%a %s' file; ls -d absent 2>&1 || true`);
    arena.sh(`cd '${entry}' && echo text > file && chmod 640 file`);
    const before = look();
    assert.match(before, /^640 5\n.*No such file/);
    execFileSync("chmod", ["600", `${native}/file`]);
    writeFileSync(`${native}/absent`, "");
    await sleep(LATER);
    assert.equal(look(), before);
    // Whoever lists the directory is told what is there.
    assert.match(arena.sh(`ls -f '${entry}'`), /^absent$/m);
    arena.sh(`chgrp 0 '${entry}/file'`);
    assert.match(look(), /^600 5\n/);
  });

  it("can be committed, prepared from and removed by any way", () => {
    arena.sh(`
      mkdir active/web && echo one > active/web/file && cat active/web/file
      mv active/web committed/web-1 && test "$(cat committed/web-1/file)" = one
      mkdir active/web@web-1 && echo two > active/web/file && test "$(cat committed/web-1/file)" = one
      test "$(cat active/web/file)" = two
      rmdir info/active/web && ! test -e active/web
      mkdir active/web@web-1 && test "$(cat active/web/file)" = one
    `);
  });
});

describe("an entry that may not be kept", () => {
  const arena = new Arena({ options: ["cache_timeout=0"] });
  after(() => arena.close());

  it("shows at once what is changed natively", () => {
    const entry = arena.entry("fresh");
    const native = arena.nativePath(entry.slice(arena.mnt.length + 1));
    const result = arena.sh(`
      cd '${entry}'
      echo text > file
      for mode in 600 640 644; do stat file > /dev/null; chmod $mode '${native}/file'; stat -c %a file; done
      for try in 1 2 3; do
        ! test -e new; touch '${native}/new'; test -e new && echo there
        rm '${native}/new'; test -e new || echo gone
      done`);
    assert.equal(result, `600\n640\n644\n${"there\ngone\n".repeat(3)}`);
  });
});
