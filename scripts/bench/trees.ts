import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { archiveTree, cached } from "../debian-tree.js";

/**
 * @param files how many small files are under version control
 * @returns a tar archive of a git work tree without changes; made once and kept
 */
export function gitRepository(files: number): string {
  const archive = cached(`repository-${files}.tar`);
  if (!existsSync(archive)) {
    archiveTree(archive, (root) => {
      for (let i = 0; i < files; i++) {
        const directory = join(root, `module${i % 97}`, `part${i % 13}`);
        mkdirSync(directory, { recursive: true });
        writeFileSync(join(directory, `file${i}.txt`), `${`line of file ${i}\n`.repeat(1 + (i % 40))}`);
      }
      const git = (...args: string[]) =>
        execFileSync("git", ["-C", root, ...args], { stdio: ["ignore", "ignore", "inherit"] });
      git("init", "-q");
      git("add", ".");
      git("-c", "user.name=bench", "-c", "user.email=bench@localhost", "commit", "-qm", "files");
      return true;
    });
  }
  return archive;
}

/**
 * Fills a directory with files: 100 a directory, most of them small and some large, together so many bytes.
 *
 * @param directory exists
 */
export function largeTree(directory: string, files: number, bytes: number): void {
  const script = `
import os, sys
top, files, total = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
# One file in twenty holds nine tenths of the bytes.
large, small = total * 9 // 10 // max(1, files // 20), total // 10 // files
block = os.urandom(1 << 20)
for i in range(files):
    where = f"{top}/{i // 10000}/{i // 100 % 100}"
    if i % 100 == 0:
        os.makedirs(where)
    left = large if i % 20 == 0 else small
    with open(f"{where}/{i}", "wb", buffering=0) as file:
        while left > 0:
            left -= file.write(block[:left])
`;
  execFileSync("/usr/bin/python3", ["-c", script, directory, String(files), String(bytes)], {
    stdio: "inherit",
  });
}
