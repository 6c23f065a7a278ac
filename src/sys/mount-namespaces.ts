import { rawFromBuffer } from "../base/bytes.js";
import { PATH_MAX } from "../base/limits.js";
import { AT_FDCWD, O_RDONLY } from "./constants.js";
import { CAP_SYS_ADMIN, effectiveCapabilities } from "./credentials.js";
import { ENOENT } from "./errno.js";
import { fault } from "./fault.js";
import { cFunction, result } from "./ffi.js";
import { close, ioctl, openAt } from "./file.js";
import type { MountRoot } from "./mount.js";

const cSyscall = cFunction("int64_t syscall(int64_t, void *, void *, int64_t, int64_t)");

// ioctls of linux/nsfs.h; each answers with a descriptor of another namespace, and fills a struct mnt_ns_info.
const NS_MNT_GET_INFO = 0x8010b70a;
const NS_MNT_GET_NEXT = 0x8010b70b;
const NS_MNT_GET_PREV = 0x8010b70c;
/** sizeof(struct mnt_ns_info): u32 size, u32 nr_mounts, u64 mnt_ns_id. */
const NS_INFO = 16;
const NS_ID = 8;

// The same on all machines.
const SYS_statmount = 457;
const SYS_listmount = 458;
/** struct mnt_id_req of linux/mount.h, version 1: u32 size, u32 0, u64 mnt_id, u64 param, u64 mnt_ns_id. */
const REQUEST = 32;
/** All mounts of the namespace. */
const LSMT_ROOT = 0xffff_ffff_ffff_ffffn;
const STATMOUNT_SB_BASIC = 1n;
const STATMOUNT_MNT_ROOT = 8n;
/** Where struct statmount has sb_dev_major, sb_dev_minor, mnt_root (an offset into str) and str. */
const MAJOR = 16;
const MINOR = 20;
const ROOT = 104;
const TEXT = 512;

/** So many mounts are asked for at a time. */
const PAGE = 256;

const request = Buffer.alloc(REQUEST);
const ids = new BigUint64Array(PAGE);
const idBytes = new Uint8Array(ids.buffer);
const answer = Buffer.alloc(TEXT + 2 * PATH_MAX);

/**
 * What is mounted in other mount namespaces than that of this process; it matters not whether a process is in them.
 * ioctl_nsfs(2), listmount(2) and statmount(2) of Linux 6.12.
 * @returns undefined where the kernel, or a filter of system calls, does not tell all of it: to a process without
 * privileges it refuses the list, or (get_sequential_mnt_ns in 6.12) passes over namespaces whose processes that may look at
 */
export function foreignMountRoots(): MountRoot[] | undefined {
  if ((effectiveCapabilities() & (1 << CAP_SYS_ADMIN)) === 0) return undefined;
  const own = openAt(AT_FDCWD, "/proc/self/ns/mnt", O_RDONLY);
  if (own < 0) return undefined;
  try {
    const found: MountRoot[] = [];
    if (ioctl(own, NS_MNT_GET_INFO, namespaceInfo()) < 0) return undefined;
    for (const direction of [NS_MNT_GET_NEXT, NS_MNT_GET_PREV]) {
      if (!collect(own, direction, found)) return undefined;
    }
    return found;
  } finally {
    close(own);
  }
}

/** Goes through the namespaces on one side of a namespace. @returns whether nothing was left out */
function collect(own: number, direction: number, found: MountRoot[]): boolean {
  let at = own;
  try {
    for (;;) {
      const info = namespaceInfo();
      const next = ioctl(at, direction, info);
      if (next < 0) return next === -ENOENT;
      if (at !== own) close(at);
      at = next;
      if (!collectRoots(info.readBigUInt64LE(NS_ID), found)) return false;
    }
  } finally {
    if (at !== own) close(at);
  }
}

function namespaceInfo(): Buffer {
  const info = Buffer.alloc(NS_INFO);
  info.writeUInt32LE(NS_INFO, 0);
  return info;
}

/** @returns whether nothing was left out */
function collectRoots(namespace: bigint, found: MountRoot[]): boolean {
  for (let last = 0n; ; ) {
    const count = fault("listmount") || call(SYS_listmount, namespace, LSMT_ROOT, last, idBytes, PAGE);
    if (count < 0) return false;
    for (const id of ids.subarray(0, count)) {
      const code = call(
        SYS_statmount,
        namespace,
        id,
        STATMOUNT_SB_BASIC | STATMOUNT_MNT_ROOT,
        answer,
        answer.length,
      );
      // Unmounted meanwhile.
      if (code === -ENOENT) continue;
      if (code < 0) return false;
      found.push(mountRoot());
    }
    if (count < PAGE) return true;
    last = ids[count - 1]!;
  }
}

function call(
  number: number,
  namespace: bigint,
  id: bigint,
  param: bigint,
  into: Uint8Array,
  room: number,
): number {
  request.writeUInt32LE(REQUEST, 0);
  request.writeBigUInt64LE(id, 8);
  request.writeBigUInt64LE(param, 16);
  request.writeBigUInt64LE(namespace, 24);
  return result(cSyscall(number, request, into, room, 0));
}

/** What statmount has answered. */
function mountRoot(): MountRoot {
  const start = TEXT + answer.readUInt32LE(ROOT);
  return {
    major: answer.readUInt32LE(MAJOR),
    minor: answer.readUInt32LE(MINOR),
    root: rawFromBuffer(answer.subarray(start, answer.indexOf(0, start))),
  };
}
