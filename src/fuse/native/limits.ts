/** What the driver fuse-native cannot keep, whatever is done about it from outside; the README has the same as a table. */
export const LIMITS: readonly string[] = [
  "--driver fuse-native cannot do all that the default does (README, Drivers). It does without: owners of what other users make (allow_other), times set finer than 1 ms, rename flags, O_TMPFILE, fallocate, holes and reflinks, enforced ACLs, fsync of directories, removing directories of open files, interrupting mkdir",
];
