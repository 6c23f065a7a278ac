import assert from "node:assert/strict";
import { it } from "node:test";
import type { Arena } from "../support/arena.js";

const BUSY = {
  "an open writer": 'fd = os.open("file", os.O_WRONLY)',
  "a writer of a removed file": 'fd = os.open("file", os.O_RDWR); os.unlink("file")',
  "a writer whose file was renamed": 'fd = os.open("file", os.O_RDWR); os.rename("file", "other")',
  "a writable mapping whose descriptor is closed":
    'fd = os.open("file", os.O_RDWR); m = mmap.mmap(fd, 10); os.close(fd); m[0:1] = b"x"',
};
const HARMLESS = {
  "a reader": 'fd = os.open("file", os.O_RDONLY)',
  "a private mapping": 'fd = os.open("file", os.O_RDONLY); m = mmap.mmap(fd, 10, flags=mmap.MAP_PRIVATE)',
  "a working directory": "pass",
};

/** What a commit is refused for, and that it goes through as soon as that has gone. */
export function commits(arena: () => Arena): void {
  const prepare = (): string =>
    arena().sh("mkdir active/held; head -c 100 /dev/zero > active/held/file; sync active/held/file");
  /** Commits active/held from a process that works in it and holds something. @returns what mv says, or "" */
  const commitHolding = (code: string): string =>
    arena().says(`cd active/held; python3 -c '
import mmap, os, subprocess, sys
${code}
sys.exit(subprocess.call(["mv", "../../active/held", "../../committed/held"]))'`);

  for (const [what, code] of Object.entries(BUSY)) {
    it(`is refused while there is ${what}, and not a moment longer`, () => {
      prepare();
      assert.match(commitHolding(code), /busy/);
      arena().sh("ls -d active/held > /dev/null; mv active/held committed/held; rmdir committed/held");
    });
  }

  for (const [what, code] of Object.entries(HARMLESS)) {
    it(`goes through with ${what}`, () => {
      prepare();
      assert.equal(commitHolding(code), "");
      arena().sh("rmdir committed/held");
    });
  }

  it("goes through right after the shell that wrote", () => {
    arena().sh(
      "for i in 1 2 3 4 5 6 7 8 9 10; do mkdir active/q; for f in 1 2 3 4 5 6 7 8; do echo $f > active/q/$f; done; mv active/q committed/q; rmdir committed/q; done",
    );
  });

  it("what was opened for reading before it cannot be reopened for writing", () => {
    prepare();
    const answer = arena().sh(`cd active/held; python3 -c '
import errno, os, subprocess
fd = os.open("file", os.O_RDONLY)
subprocess.check_call(["mv", "../../active/held", "../../committed/held"])
for work in (lambda: os.open(f"/proc/self/fd/{fd}", os.O_RDWR), lambda: os.fchmod(fd, 0o600), lambda: os.open("new", os.O_CREAT | os.O_WRONLY)):
    try: work(); print("done")
    except OSError as error: print(errno.errorcode[error.errno])'`);
    assert.equal(answer, "EROFS\n".repeat(3));
    arena().sh("rmdir committed/held");
  });
}
