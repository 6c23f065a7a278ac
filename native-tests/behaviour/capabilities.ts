import type { DriverName } from "../../src/daemon/request.js";

/** Under which names the behaviour suite runs. */
export type Variant = "kernel" | "kernel without root" | "fuse-native";

export const DRIVER_OF: Readonly<Record<Variant, DriverName>> = {
  kernel: "kernel",
  "kernel without root": "kernel",
  "fuse-native": "fuse-native",
};

/** What differs between the variants: everything else is the same, and README says what this means for users. */
export interface Capability {
  readonly name: string;
  /** Variants that have it. */
  readonly has: readonly Variant[];
  /** Succeeds exactly where it is there. Runs in the mount, in which active/cap is an entry with a file `f`. */
  readonly probe: string;
}

const KERNEL: readonly Variant[] = ["kernel", "kernel without root"];
const ROOT: readonly Variant[] = ["kernel", "fuse-native"];
const python = (code: string): string => `cd active/cap; python3 -c '${code}'`;

export const CAPABILITIES: readonly Capability[] = [
  // What only root may do, natively as well.
  { name: "giving files away", has: ROOT, probe: "chown 12345 active/cap/f" },
  { name: "devices", has: ROOT, probe: "mknod active/cap/null c 1 3" },
  { name: "attributes of trusted.*", has: ROOT, probe: "setfattr -n trusted.x -v 1 active/cap/f" },
  {
    name: "reading what its owner may not",
    has: ROOT,
    probe: "chmod 0 active/cap/f; cat active/cap/f",
  },
  // What the mount lets in.
  {
    name: "other users, by default",
    has: ["kernel"],
    probe: "ls $PWD; setpriv --reuid 12345 --clear-groups ls $PWD",
  },
  // What libfuse 2 and fuse-native do not pass on.
  {
    name: "times finer than a millisecond",
    has: KERNEL,
    probe:
      'touch -d "2001-02-03 04:05:06.123456789" active/cap/f; stat -c %y active/cap/f | grep -q 123456789',
  },
  {
    name: "flags of rename",
    has: KERNEL,
    probe: python(
      'import ctypes; open("a","w"); open("b","w"); r = ctypes.CDLL(None).renameat2(-100, b"a", -100, b"b", 2); assert r == 0',
    ),
  },
  {
    name: "files without a name (O_TMPFILE)",
    has: KERNEL,
    probe: python('import os; os.open(".", os.O_TMPFILE | os.O_RDWR)'),
  },
  {
    name: "fallocate",
    has: KERNEL,
    probe: python(
      'import ctypes, os; r = ctypes.CDLL(None).fallocate(os.open("f", 2), 0, ctypes.c_long(0), ctypes.c_long(65536)); assert r == 0',
    ),
  },
  {
    name: "holes (SEEK_HOLE)",
    has: KERNEL,
    probe: python(
      'import os; os.truncate("f", 1 << 20); assert os.lseek(os.open("f", 0), 0, os.SEEK_HOLE) < 1 << 20',
    ),
  },
  {
    name: "removing a directory of which a removed file is open",
    has: KERNEL,
    probe: python('import os; os.mkdir("d"); f = open("d/f", "w"); os.unlink("d/f"); os.rmdir("d")'),
  },
  {
    name: "one cache for all names of a file",
    has: KERNEL,
    probe: python(
      'import mmap, os; os.truncate("f", 4096); os.link("f", "g"); f, g = (mmap.mmap(os.open(n, 2), 4096) for n in "fg"); f[0] = 65; assert g[0] == 65',
    ),
  },
];
