import type { Answer, FileSystem } from "../../src/fuse/filesystem.js";

/** A call of the file system that a request led to. */
export interface Call {
  readonly method: keyof FileSystem;
  // Arguments of whatever method it is.
  readonly args: readonly unknown[];
}

const METHODS: readonly (keyof FileSystem)[] = [
  "init",
  "destroy",
  "lookup",
  "forget",
  "getattr",
  "setattr",
  "readlink",
  "mknod",
  "mkdir",
  "symlink",
  "link",
  "unlink",
  "rmdir",
  "rename",
  "open",
  "create",
  "tmpfile",
  "read",
  "write",
  "release",
  "fsync",
  "fsyncdir",
  "readdir",
  "fallocate",
  "lseek",
  "copyFileRange",
  "statfs",
  "syncfs",
  "getxattr",
  "listxattr",
  "setxattr",
  "removexattr",
];

/** @returns a file system that hands every call to `answer` */
export function mockFileSystem(answer: (call: Call) => Answer): FileSystem {
  const methods = METHODS.map((method) => [
    method,
    (...args: readonly unknown[]) => answer({ method, args }),
  ]);
  return Object.fromEntries(methods) as unknown as FileSystem;
}
