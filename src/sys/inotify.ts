import { type RawName, rawFromBuffer } from "../base/bytes.js";
import { EAGAIN } from "./errno.js";
import { cFunction, result } from "./ffi.js";
import { fdPath, read } from "./file.js";
import { cname } from "./scratch.js";

const cInit = cFunction("int inotify_init1(int)");
const cAddWatch = cFunction("int inotify_add_watch(int, void *, unsigned int)");
const cRemoveWatch = cFunction("int inotify_rm_watch(int, int)");

const IN_CLOEXEC = 0o2000000;
const IN_NONBLOCK = 0o4000;

export const IN_MODIFY = 0x2;
export const IN_ATTRIB = 0x4;
export const IN_CLOSE_WRITE = 0x8;
export const IN_MOVED_FROM = 0x40;
export const IN_MOVED_TO = 0x80;
export const IN_CREATE = 0x100;
export const IN_DELETE = 0x200;
/** Events were lost. Its watch descriptor is -1. */
export const IN_Q_OVERFLOW = 0x4000;
/** The watch has ended, and its descriptor with it. */
export const IN_IGNORED = 0x8000;
export const IN_ONLYDIR = 0x1000000;
/** Nothing is told of files that have no name in the directory any more. */
export const IN_EXCL_UNLINK = 0x4000000;

/** struct inotify_event without the name. */
const HEADER = 16;
/** For some hundred events; one alone needs HEADER + NAME_MAX + 1. */
const ROOM = 16 * 1024;

/** Takes one event. @param name of the file in the watched directory, "" for the directory itself */
export type TakeEvent = (watch: number, mask: number, name: RawName | "") => void;

/** What the kernel tells of changes in directories (inotify(7)). */
export class Inotify {
  private readonly room = Buffer.alloc(ROOM);

  /** @param fd of inotify_init1(2), not blocking */
  private constructor(readonly fd: number) {}

  /** @returns an instance, or -errno: EMFILE when its user has as many as may be */
  static open(): Inotify | number {
    const fd = result(cInit(IN_CLOEXEC | IN_NONBLOCK));
    return fd < 0 ? fd : new Inotify(fd);
  }

  /**
   * Watches a directory, or changes what is told of one that is watched.
   * @param dirfd of it; O_PATH is enough
   * @param mask IN_* flags
   * @returns the watch descriptor or -errno: ENOSPC when its user watches as many as may be
   */
  watch(dirfd: number, mask: number): number {
    return result(cAddWatch(this.fd, cname(fdPath(dirfd)), mask | IN_ONLYDIR));
  }

  /** Ends a watch; nothing is left to do when it has ended by itself. */
  unwatch(watch: number): void {
    cRemoveWatch(this.fd, watch);
  }

  /**
   * Hands over what has come.
   * @returns 0, or -errno
   */
  read(take: TakeEvent): number {
    const { room } = this;
    for (;;) {
      const length = read(this.fd, room);
      if (length <= 0) return length === -EAGAIN ? 0 : length;
      for (let at = 0; at < length; ) {
        const end = at + HEADER + room.readUInt32LE(at + 12);
        const zero = room.indexOf(0, at + HEADER);
        const name = rawFromBuffer(room, at + HEADER, zero < 0 || zero > end ? end : zero);
        take(room.readInt32LE(at), room.readUInt32LE(at + 4), name);
        at = end;
      }
    }
  }
}
