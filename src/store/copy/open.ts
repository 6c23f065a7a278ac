import type { RawName } from "../../base/bytes.js";
import { O_CLOEXEC, O_DIRECTORY, O_NOATIME, O_NOFOLLOW, O_NONBLOCK, O_RDONLY } from "../../sys/constants.js";
import { ELOOP, ENOENT, ENOTDIR, EPERM } from "../../sys/errno.js";
import { openAt, openBeneath } from "../../sys/file.js";

const OPEN_DIR = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
const OPEN_FILE = O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC;

/** Opens a directory by its path below another. @returns a descriptor or -errno */
export function openDirectory(root: number, path: RawName | ""): number {
  return withoutAtime((flags) => openBeneath(root, path, OPEN_DIR | flags));
}

/** Opens a file to be read. @returns a descriptor or -errno */
export function openSource(directory: number, name: RawName): number {
  return withoutAtime((flags) => openAt(directory, name, OPEN_FILE | flags));
}

/** The same by its path. */
export function openSourceBeneath(root: number, path: RawName): number {
  return withoutAtime((flags) => openBeneath(root, path, OPEN_FILE | flags));
}

/** Without changing the access time where that is permitted: the source is not to change by being copied. */
function withoutAtime(open: (flags: number) => number): number {
  const fd = open(O_NOATIME);
  return fd === -EPERM ? open(0) : fd;
}

/** Whether opening failed because users have put something else there, or nothing. */
export function isGone(code: number): boolean {
  return code === -ENOENT || code === -ENOTDIR || code === -ELOOP;
}

/** Splits a path. @returns the path of the directory, and the name in it */
export function split(path: RawName): { readonly parent: RawName; readonly name: RawName } {
  const at = path.lastIndexOf("/");
  return { parent: path.slice(0, Math.max(0, at)) as RawName, name: path.slice(at + 1) as RawName };
}

export function below(parent: RawName | "", name: RawName): RawName {
  return (parent === "" ? name : `${parent}/${name}`) as RawName;
}
