/** What the driver fuse-native cannot keep, whatever is done about it from outside; the README has the same in its table. */
export const LIMITS: readonly string[] = [
  "the driver fuse-native does without these (README, Drivers): callers' owner and groups for what others make (allow_other), touch -m and -a by themselves, times set finer than 1 ms, rename flags, O_TMPFILE, fallocate, SEEK_HOLE, fsync of a directory, interrupting mkdir",
];
