import assert from "node:assert/strict";
import { after, describe, it } from "node:test";
import { Arena, type Declared } from "./support/arena.js";
import type { FileSystemType } from "./support/image.js";

/** Step programs whose answers depend on the file system below. */
const PROGRAMS: readonly (readonly [program: string, ...args: string[]])[] = [
  ["space"],
  ["attributes"],
  ["xattrs"],
  ["random_ops", "4", "5000"],
];

const DECLARED: readonly Declared[] = [
  {
    step: /^FICLONE /,
    reason:
      "the kernel's FUSE client has no remap_file_range; cp goes on with copy_file_range, which shares the data",
  },
];

for (const type of ["xfs", "btrfs"] satisfies FileSystemType[]) {
  describe(`an entry on ${type} answers as the native directory does`, () => {
    const arena = new Arena({ type });
    after(() => arena.close());

    for (const [program, ...args] of PROGRAMS) {
      it(program, () => arena.compare(program, args, DECLARED));
    }

    // xfs gives an inode number again at once.
    if (type === "xfs") it("behind", () => arena.compare("behind"));

    it("cp within an entry and from one to another shares the data", () => {
      arena.sh(`
        mkdir active/from active/to
        head -c 30000000 /dev/urandom > active/from/data
        sync active/from/data
        cp active/from/data active/from/copy
        cp active/from/data active/to/copy
        cmp active/from/data active/to/copy`);
      for (const copy of ["active/from/copy", "active/to/copy"]) {
        const [, entry = "", name = ""] = copy.split("/");
        const extents = arena.sh(`filefrag -v '${arena.nativePath(`active/${entry}`)}/${name}'`);
        assert.match(extents, /shared/, `${copy} has data of its own:\n${extents}`);
      }
    });
  });
}
