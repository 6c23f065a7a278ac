import { after, describe, it } from "node:test";
import { Arena } from "./support/arena.js";

/**
 * Each step program does the same in a native directory and in an entry, as several users, and prints what
 * was answered. The outputs have to be the same, line by line.
 */
const PROGRAMS = {
  open_flags: "every open flag on every type of file",
  create_modes: "owner and mode of what is made: umask, setgid directories, groups, default ACLs",
  permissions: "what other users may do, access(2), sticky directories",
  attributes: "chmod, chown, clearing of suid and sgid, times",
  names: "rename with its flags, links, special files, lengths, bytes, deep trees",
  lifetime: "files that are unlinked, replaced or moved while open",
  space: "fallocate, holes, copies, flushing, statfs, statx",
  sharing: "locks, mappings, programs, inotify",
  xattrs: "extended attributes of every namespace, ACLs, file capabilities",
  behind: "what is changed natively behind the mount",
  directories: "directories of 100,000 names, also while they change",
};

interface Variant {
  readonly options: readonly string[];
  /** Programs that it is spared. */
  readonly without: readonly string[];
}

// Directories take long, and the options have no part in them.
const VARIANTS: Readonly<Record<string, Variant>> = {
  "with passthrough": { options: [], without: [] },
  "without passthrough": { options: ["nopassthrough"], without: ["directories"] },
  // What is changed natively is not seen then; what is changed through the mount has to be, at once.
  "that may be kept for a day": { options: ["cache_timeout=86400"], without: ["directories", "behind"] },
};

for (const [variant, { options, without }] of Object.entries(VARIANTS)) {
  describe(`an entry ${variant} answers as the native directory does`, () => {
    const arena = new Arena({ options });
    after(() => arena.close());
    for (const [program, subject] of Object.entries(PROGRAMS)) {
      if (without.includes(program)) continue;
      it(`${program}: ${subject}`, () => arena.compare(program));
    }
    for (const seed of [1, 2, 3]) {
      it(`random operations, seed ${seed}`, () => arena.compare("random_ops", [String(seed), "10000"]));
    }
  });
}
