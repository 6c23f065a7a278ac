import type { RawName } from "../base/bytes.js";
import { fault } from "./fault.js";
import { ioctl } from "./file.js";

// ioctls of linux/btrfs.h; the type is 0x94.
const SUBVOL_CREATE = 0x5000940e;
const SNAP_DESTROY = 0x5000940f;
const SNAP_CREATE_V2 = 0x50009417;
const GET_SUBVOL_ROOTREF = 0xd000943d;
/** sizeof(struct btrfs_ioctl_vol_args), and of the second version. */
const ARGUMENTS = 4096;
/** Where struct btrfs_ioctl_vol_args has the name; its length with the NUL is 4088. */
const NAME = 8;
/** The same for version 2: after fd, transid, flags and 32 bytes for other uses. */
const NAME_V2 = 56;
/** struct btrfs_ioctl_get_subvol_rootref_args: min_treeid, 255 references of 16 bytes, num_items. */
const NUM_ITEMS = 8 + 255 * 16;

/** Inode number of the root directory of every subvolume (BTRFS_FIRST_FREE_OBJECTID). */
export const SUBVOLUME_INO = 256;

function named(name: RawName, at: number): Buffer {
  const buffer = Buffer.alloc(ARGUMENTS);
  buffer.latin1Write(name, at, ARGUMENTS - at - 1);
  return buffer;
}

/** Makes an empty subvolume `name` in a directory. @returns 0 or -errno; ENOTTY where the file system has none */
export function createSubvolume(directory: number, name: RawName): number {
  return fault("subvol_create") || ioctl(directory, SUBVOL_CREATE, named(name, NAME));
}

/** Makes a writable snapshot `name` in a directory. @param source descriptor of the root of a subvolume. @returns 0 or -errno */
export function createSnapshot(directory: number, name: RawName, source: number): number {
  const buffer = named(name, NAME_V2);
  buffer.writeBigInt64LE(BigInt(source), 0);
  return fault("snap_create") || ioctl(directory, SNAP_CREATE_V2, buffer);
}

/** Removes a subvolume with everything in it. @returns 0 or -errno; EPERM where that is not permitted */
export function destroySubvolume(directory: number, name: RawName): number {
  return fault("snap_destroy") || ioctl(directory, SNAP_DESTROY, named(name, NAME));
}

/** @returns how many subvolumes there are in the subvolume to which a directory belongs (0, or at least 1), or -errno */
export function countSubvolumes(directory: number): number {
  const buffer = Buffer.alloc(ARGUMENTS);
  const code = ioctl(directory, GET_SUBVOL_ROOTREF, buffer);
  return code < 0 ? code : buffer[NUM_ITEMS]!;
}
