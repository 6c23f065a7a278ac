import { spawnSync } from "node:child_process";
import { printable, type RawName } from "../base/bytes.js";
import {
  F_SETFD,
  F_SETFL,
  FD_CLOEXEC,
  MS_NOATIME,
  MS_NODEV,
  MS_NODIRATIME,
  MS_NOEXEC,
  MS_NOSUID,
  MS_RDONLY,
  MS_SYNCHRONOUS,
  O_CLOEXEC,
  O_NONBLOCK,
  O_RDWR,
} from "../sys/constants.js";
import { EACCES, EBUSY, ENODEV, ENOENT, ENXIO, EPERM } from "../sys/errno.js";
import { errnoText, SysError } from "../sys/error.js";
import { close, fcntl, openAt } from "../sys/file.js";
import { receiveFd, socketPair } from "../sys/fuse-device.js";
import { mount, umount } from "../sys/mount.js";

const AT_FDCWD = -100;
const MNT_DETACH = 2;
const UMOUNT_NOFOLLOW = 8;

/** How a file system is mounted (mount(8), fuse(8)). */
export interface MountOptions {
  /** Absolute path of an existing directory. */
  readonly mountpoint: RawName;
  /** What findmnt and df show as the source. */
  readonly source: RawName;
  /** The type is `fuse.` and this. */
  readonly subtype: string;
  readonly allowOther: boolean;
  /** MS_* flags. */
  readonly flags: number;
}

/** A mount that was refused; the message says what to do. */
export class MountError extends Error {
  override readonly name = "MountError";

  /** @param errno positive errno, 0 when only a message is known */
  constructor(
    readonly errno: number,
    message: string,
  ) {
    super(message);
  }
}

/** Whether this process may call mount(2) itself; others need the setuid helper fusermount3. */
export function mountsDirectly(): boolean {
  return process.geteuid?.() === 0;
}

/**
 * Mounts a FUSE file system whose requests come from the returned descriptor.
 * @returns the non-blocking /dev/fuse descriptor of the mount
 * @throws MountError
 */
export function mountFuse(options: MountOptions): number {
  if (!mountsDirectly()) return mountByHelper(options);
  const fd = openDevice();
  const data = [
    `fd=${fd}`,
    "rootmode=40000",
    "user_id=0",
    "group_id=0",
    "default_permissions",
    ...(options.allowOther ? ["allow_other"] : []),
  ].join(",");
  const type = `fuse.${options.subtype}`;
  const code = mount(options.source, options.mountpoint, type, options.flags, data);
  if (code === 0) return fd;
  close(fd);
  const where = printable(options.mountpoint);
  if (code === -EPERM)
    throw new MountError(EPERM, `mounting at ${where} is not permitted: it needs CAP_SYS_ADMIN`);
  if (code === -ENODEV)
    throw new MountError(ENODEV, "this kernel has no FUSE: load the module first (modprobe fuse)");
  throw new MountError(-code, `mounting at ${where} failed: ${errnoText(-code)}`);
}

function openDevice(): number {
  const fd = openAt(AT_FDCWD, "/dev/fuse", O_RDWR | O_CLOEXEC | O_NONBLOCK);
  if (fd >= 0) return fd;
  if (fd === -ENOENT || fd === -ENODEV || fd === -ENXIO) {
    throw new MountError(
      -fd,
      "/dev/fuse is missing: load the FUSE module (modprobe fuse), or in a container start it with --device /dev/fuse --cap-add SYS_ADMIN",
    );
  }
  const remedy =
    fd === -EACCES || fd === -EPERM ? ": give this user access to it (chmod 0666 /dev/fuse)" : "";
  throw new MountError(-fd, `/dev/fuse cannot be opened (${errnoText(-fd)})${remedy}`);
}

const helperFlags: readonly (readonly [number, string])[] = [
  [MS_RDONLY, "ro"],
  [MS_NOEXEC, "noexec"],
  [MS_NOSUID, "nosuid"],
  [MS_NODEV, "nodev"],
  [MS_SYNCHRONOUS, "sync"],
  [MS_NOATIME, "noatime"],
  [MS_NODIRATIME, "nodiratime"],
];

/** Mounts as an ordinary user: fusermount3 opens the device and sends it over a socket (libfuse's lib/mount.c). */
function mountByHelper(options: MountOptions): number {
  close(openDevice());
  const pair = socketPair();
  if (typeof pair === "number") throw new SysError(-pair, "socketpair");
  const [ours, theirs] = pair;
  const words = [
    `fsname=${Buffer.from(options.source, "latin1").toString().replaceAll(/[\\,]/g, "\\$&")}`,
    `subtype=${options.subtype}`,
    "default_permissions",
    ...(options.allowOther ? ["allow_other"] : []),
    ...helperFlags.filter(([flag]) => (options.flags & flag) !== 0).map(([, word]) => word),
  ];
  try {
    const mountpoint = Buffer.from(options.mountpoint, "latin1").toString();
    const done = spawnSync("fusermount3", ["-o", words.join(","), "--", mountpoint], {
      env: { ...process.env, _FUSE_COMMFD: "3" },
      stdio: ["ignore", "pipe", "pipe", theirs],
    });
    if (done.error !== undefined) throw helperMissing(done.error);
    if (done.status !== 0) throw helperRefused(done.stderr.toString(), printable(options.mountpoint));
    const fd = receiveFd(ours);
    if (fd < 0) throw new MountError(-fd, `fusermount3 sent no descriptor: ${errnoText(-fd)}`);
    fcntl(fd, F_SETFD, FD_CLOEXEC);
    fcntl(fd, F_SETFL, O_RDWR | O_NONBLOCK);
    return fd;
  } finally {
    close(ours);
    close(theirs);
  }
}

function helperMissing(error: Error): MountError {
  const { code } = error as NodeJS.ErrnoException;
  if (code === "ENOENT")
    return new MountError(
      ENOENT,
      "fusermount3 is missing, which mounts for ordinary users: install the package fuse3",
    );
  return new MountError(0, `fusermount3 cannot be run: ${error.message}`);
}

function helperRefused(stderr: string, where: string): MountError {
  const why = stderr.trim();
  if (why.includes("user_allow_other"))
    return new MountError(
      EPERM,
      "the option allow_other is only for root: leave it out, or have user_allow_other put into /etc/fuse.conf",
    );
  return new MountError(EPERM, `mounting at ${where} was refused: ${why}`);
}

/**
 * Unmounts, as root by umount2(2) and otherwise through fusermount3.
 * @param mountpoint absolute path without symbolic links
 * @param lazy detaches also what is in use
 * @throws SysError with EBUSY when it is in use; MountError when the helper says otherwise
 */
export function unmountFuse(mountpoint: RawName, lazy = false): void {
  if (mountsDirectly()) {
    const code = umount(mountpoint, UMOUNT_NOFOLLOW | (lazy ? MNT_DETACH : 0));
    if (code < 0) throw new SysError(-code, "umount2", printable(mountpoint));
    return;
  }
  const path = Buffer.from(mountpoint, "latin1").toString();
  const done = spawnSync("fusermount3", ["-u", ...(lazy ? ["-z"] : []), "--", path], { encoding: "utf8" });
  if (done.error !== undefined) throw helperMissing(done.error);
  if (done.status === 0) return;
  if (/busy/i.test(done.stderr)) throw new SysError(EBUSY, "umount", printable(mountpoint));
  throw new MountError(0, done.stderr.trim());
}
