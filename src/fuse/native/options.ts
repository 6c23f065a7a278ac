import { printable } from "../../base/bytes.js";
import {
  MS_DIRSYNC,
  MS_NOATIME,
  MS_NODEV,
  MS_NODIRATIME,
  MS_NOEXEC,
  MS_NOSUID,
  MS_RDONLY,
  MS_STRICTATIME,
  MS_SYNCHRONOUS,
} from "../../sys/constants.js";
import { EINVAL, ENAMETOOLONG } from "../../sys/errno.js";
import { MountError, type MountOptions } from "../mount.js";

/** fuse-native copies the mountpoint and the options into 1024 bytes each and cuts what is longer. */
const MOST_BYTES = 1023;

const FLAGS: readonly (readonly [flag: number, set: string, unset: string | undefined])[] = [
  [MS_RDONLY, "ro", undefined],
  [MS_NOSUID, "nosuid", "suid"],
  [MS_NODEV, "nodev", "dev"],
  [MS_NOEXEC, "noexec", undefined],
  [MS_SYNCHRONOUS, "sync", undefined],
  [MS_DIRSYNC, "dirsync", undefined],
  [MS_NOATIME, "noatime", undefined],
];
/** What libfuse 2 has no word for. */
const UNKNOWN: readonly (readonly [flag: number, option: string])[] = [
  [MS_NODIRATIME, "nodiratime"],
  [MS_STRICTATIME, "strictatime"],
];

/**
 * What is said to libfuse after `-o`.
 * @throws MountError for what it cannot be told
 */
export function mountWords(options: MountOptions): string {
  const { flags } = options;
  const unknown = UNKNOWN.find(([flag]) => (flags & flag) !== 0);
  if (unknown !== undefined) {
    throw new MountError(
      EINVAL,
      `the option ${unknown[1]} is not to be had with --driver fuse-native: leave it out`,
    );
  }
  if (options.mountpoint.length > MOST_BYTES) {
    throw new MountError(
      ENAMETOOLONG,
      `${printable(options.mountpoint)} is too long for --driver fuse-native, which takes ${MOST_BYTES} bytes`,
    );
  }
  const words = [
    ...FLAGS.map(([flag, set, unset]) => ((flags & flag) !== 0 ? set : unset)).filter(
      (word) => word !== undefined,
    ),
    ...(options.allowOther ? ["allow_other"] : []),
    "default_permissions",
    `subtype=${options.subtype}`,
    "big_writes",
    "use_ino",
    // Nothing can be invalidated, so nothing is kept: names lead elsewhere after a rename or removal by another name.
    "entry_timeout=0",
    "negative_timeout=0",
    "attr_timeout=0",
    "ac_attr_timeout=0",
  ].join(",");
  const source = printable(options.source).replaceAll(/[\\,]/g, "\\$&");
  const whole = `${words},fsname=${source}`;
  if (Buffer.byteLength(whole) + 2 > MOST_BYTES) {
    throw new MountError(
      ENAMETOOLONG,
      `the store's path is too long for --driver fuse-native: say -o fsname=NAME with a short name`,
    );
  }
  return whole;
}
