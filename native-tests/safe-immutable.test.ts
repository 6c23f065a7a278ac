import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { after, before, describe, it } from "node:test";
import { Arena } from "./support/arena.js";
import { Holder } from "./support/holder.js";

describe("committed/ and views/ refuse every change", () => {
  const arena = new Arena();
  let expected: string[] = [];
  after(() => arena.close());

  before(() => {
    const entry = arena.entry("fixed");
    const native = arena.nativeDirectory("fixed");
    for (const path of [entry, native]) {
      assert.equal(arena.program("refused_changes", path, "fill").status, 0);
    }
    arena.sh(`mv '${entry}' committed/fixed; mkdir views/fixed@fixed`);
    arena.sh(`mount --bind -o ro '${native}' '${native}'`);
    const result = arena.program("refused_changes", native);
    arena.sh(`umount '${native}'`);
    assert.equal(result.status, 0, result.stderr);
    expected = result.stdout.trimEnd().split("\n");
  });

  for (const where of ["committed/fixed", "views/fixed"]) {
    it(`${where} answers as a read-only bind mount does`, () => {
      const result = arena.program("refused_changes", `${arena.mnt}/${where}`);
      assert.equal(result.status, 0, result.stderr);
      assert.deepEqual(result.stdout.trimEnd().split("\n"), expected);
      assert.doesNotMatch(result.stdout, /CHANGED| = ok/);
    });
  }
});

describe("a commit waits for nobody who writes", () => {
  const arena = new Arena();
  after(() => arena.close());

  /** Tries `mv active/NAME committed/NAME`. @returns what mv says, or "" */
  function commit(name: string): string {
    const result = spawnSync("mv", [`active/${name}`, `committed/${name}`], {
      cwd: arena.mnt,
      encoding: "utf8",
    });
    return result.status === 0 ? "" : result.stderr;
  }

  const HOLDERS = {
    "an open writer": "fd = os.open('file', os.O_WRONLY)",
    "an open writer that never wrote": "fd = os.open('file', os.O_RDWR)",
    "a writer of an unlinked file": "fd = os.open('file', os.O_RDWR); os.unlink('file')",
    "a writer whose file was renamed": "fd = os.open('file', os.O_RDWR); os.rename('file', 'other')",
    "an unnamed temporary file": "fd = os.open('.', os.O_TMPFILE | os.O_RDWR)",
    "a writable mapping whose descriptor is closed":
      "fd = os.open('file', os.O_RDWR); m = mmap.mmap(fd, 10); os.close(fd); m[0:1] = b'x'",
    // The one that opened it stays, since the child lives by its pipe.
    "a descriptor that was passed to a child":
      "import subprocess; fd = os.open('file', os.O_RDWR); p = subprocess.Popen(['cat'], stdin=subprocess.PIPE, pass_fds=[fd]); os.close(fd)",
  };
  for (const [index, [what, code]] of Object.entries(HOLDERS).entries()) {
    it(`EBUSY with ${what}, and goes through when it has gone`, async () => {
      const name = `held${index}`;
      arena.sh(`mkdir active/${name}; head -c 100 /dev/zero > active/${name}/file`);
      const holder = await Holder.start(`${arena.mnt}/active/${name}`, code);
      try {
        assert.match(commit(name), /busy/i);
        assert.equal(arena.sh(`ls -d active/${name}`), `active/${name}\n`);
      } finally {
        await holder.end();
      }
      assert.equal(commit(name), "");
    });
  }

  it("EBUSY while the native directory is bind-mounted, and goes through after umount", () => {
    arena.sh("mkdir active/bound");
    const at = arena.nativeDirectory("bound-at");
    arena.sh(`read -r type source options < info/active/bound/mounts; mount -o "$options" "$source" '${at}'`);
    try {
      assert.match(commit("bound"), /busy/i);
    } finally {
      arena.sh(`umount '${at}'`);
    }
    assert.equal(commit("bound"), "");
  });

  const HARMLESS = {
    "a reader": "fd = os.open('file', os.O_RDONLY)",
    "a private mapping": "fd = os.open('file', os.O_RDONLY); m = mmap.mmap(fd, 10, flags=mmap.MAP_PRIVATE)",
    "a working directory": "os.chdir('.')",
    "an O_PATH descriptor": "fd = os.open('file', os.O_PATH)",
  };
  for (const [index, [what, code]] of Object.entries(HARMLESS).entries()) {
    it(`goes through with ${what}`, async () => {
      const name = `harmless${index}`;
      arena.sh(`mkdir active/${name}; head -c 100 /dev/zero > active/${name}/file`);
      const holder = await Holder.start(`${arena.mnt}/active/${name}`, code);
      try {
        assert.equal(commit(name), "");
      } finally {
        await holder.end();
      }
    });
  }

  it("goes through right after the shell that wrote: close is not waited for by anyone", () => {
    for (let i = 0; i < 40; i++) {
      arena.sh(
        `mkdir active/quick${i}; for f in 1 2 3 4 5 6 7 8; do echo $f > active/quick${i}/$f; done; mv active/quick${i} committed/`,
      );
    }
  });

  it("EBUSY, or nothing changes any more, when others open files while it is under way", () => {
    const result = arena.program("commit_race", arena.mnt, "60");
    assert.equal(result.status, 0, result.stderr);
    assert.equal(result.stdout, "60 commits, some refused, 0 changed afterwards, 0 writers failed\n");
  });

  it("what was opened by path only before the commit cannot be opened for writing", async () => {
    arena.sh("mkdir active/path; echo fixed > active/path/file");
    const holder = await Holder.start(
      `${arena.mnt}/active/path`,
      "fd = os.open('file', os.O_PATH); top = os.open('.', os.O_PATH)",
    );
    try {
      assert.equal(commit("path"), "");
      for (const flags of ["os.O_RDWR", "os.O_WRONLY | os.O_TRUNC", "os.O_RDONLY | os.O_TRUNC"]) {
        assert.equal(await holder.ask(`os.open(f'/proc/self/fd/{fd}', ${flags})`), "EROFS");
      }
      assert.equal(await holder.ask("os.open('new', os.O_CREAT | os.O_WRONLY, dir_fd=top)"), "EROFS");
      assert.equal(await holder.ask("os.truncate(f'/proc/self/fd/{fd}', 0)"), "EROFS");
      assert.equal(await holder.ask("os.chmod(f'/proc/self/fd/{fd}', 0o600)"), "EROFS");
    } finally {
      await holder.end();
    }
    assert.equal(arena.sh("cat committed/path/file"), "fixed\n");
  });

  it("what was opened for reading before the commit cannot be reopened for writing", async () => {
    arena.sh("mkdir active/reopen; echo fixed > active/reopen/file");
    const holder = await Holder.start(`${arena.mnt}/active/reopen`, "fd = os.open('file', os.O_RDONLY)");
    try {
      assert.equal(commit("reopen"), "");
      assert.equal(await holder.ask("os.open(f'/proc/self/fd/{fd}', os.O_RDWR)"), "EROFS");
      assert.equal(await holder.ask("os.fchmod(fd, 0o600)"), "EROFS");
      assert.equal(await holder.ask("os.open('new', os.O_CREAT | os.O_WRONLY)"), "EROFS");
    } finally {
      await holder.end();
    }
    assert.equal(arena.sh("cat committed/reopen/file"), "fixed\n");
  });
});
