import { execFileSync } from "node:child_process";
import { mkdirSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";

export type FileSystemType = "ext4" | "xfs" | "btrfs";

/** A freshly made file system in a sparse file, mounted by a loop device. */
export interface Image {
  readonly type: FileSystemType;
  /** Where it is mounted. */
  readonly path: string;
  /** Empties the page, dentry and inode caches of this file system, by mounting it anew. */
  remount(): void;
  /** Unmounts and deletes it. */
  close(): void;
}

const MAKE: Record<FileSystemType, [string, ...string[]]> = {
  ext4: ["mkfs.ext4", "-q", "-F", "-E", "lazy_itable_init=0,lazy_journal_init=0", "-i", "8192"],
  xfs: ["mkfs.xfs", "-q", "-f", "-m", "reflink=1"],
  btrfs: ["mkfs.btrfs", "-q", "-f"],
};

/**
 * Makes and mounts an image `name.img` at `name` below directory.
 *
 * @param size bytes; the file is sparse
 * @param options of mount(8); nosuid and nodev as a FUSE mount has them, so that both answer alike
 * @throws when a program is missing or fails; its message is on stderr
 */
export function makeImage(
  type: FileSystemType,
  directory: string,
  name: string,
  size: number,
  options = "nosuid,nodev",
): Image {
  const file = join(directory, `${name}.img`);
  const path = join(directory, name);
  mkdirSync(path, { recursive: true, mode: 0o755 });
  writeFileSync(file, "");
  truncateSync(file, size);
  const [command, ...flags] = MAKE[type];
  execFileSync(command, [...flags, file], { stdio: ["ignore", "ignore", "inherit"] });
  const mount = () => execFileSync("mount", ["-o", `loop,${options}`, file, path]);
  const unmount = () => execFileSync("umount", [path]);
  mount();
  return {
    type,
    path,
    remount() {
      unmount();
      mount();
    },
    close() {
      unmount();
      rmSync(file);
      rmSync(path, { recursive: true });
    },
  };
}
