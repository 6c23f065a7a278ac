import { rawFromText } from "../../base/bytes.js";
import { AT_FDCWD, O_CLOEXEC, O_DIRECTORY, O_RDONLY } from "../../sys/constants.js";
import { makeDirAt } from "../../sys/dir.js";
import { check } from "../../sys/error.js";
import { close, openAt } from "../../sys/file.js";
import { chmodPath, Stat, statAt } from "../../sys/stat.js";
import { markFor } from "../pending.js";
import { dropAcls } from "./attributes.js";
import type { Source } from "./types.js";

/** @returns the mode of the first source's root as it is, or as it will be when that one is not made yet itself. @throws SysError */
export function rootMode(sources: readonly Source[]): number {
  return sources.reduceRight((origin, { path }) => {
    const mode = modeOf(path);
    return mode === markFor(origin) ? origin : mode;
  }, 0);
}

/** Whether the root directory of a copy has not got its entries yet. @param mode of what it is a copy of. @throws SysError */
export function isRaw(path: string, mode: number): boolean {
  return modeOf(path) === markFor(mode);
}

/**
 * Makes the root directory of a copy, without entries.
 * @param mode of what it is to be a copy of
 * @throws SysError; what was made stays
 */
export function makeRaw(path: string, mode: number): void {
  makeDirectory(path);
  const raw = rawFromText(path);
  const fd = check(openAt(AT_FDCWD, raw, O_RDONLY | O_DIRECTORY | O_CLOEXEC), "open", path);
  try {
    dropAcls(fd, path);
  } finally {
    close(fd);
  }
  // Last, so that nothing of it is inherited from where the store is.
  check(chmodPath(raw, markFor(mode) & 0o7777), "chmod", path);
}

/** Makes a directory that only its owner can use. @throws SysError */
export function makeDirectory(path: string): void {
  check(makeDirAt(AT_FDCWD, rawFromText(path), 0o700), "mkdir", path);
}

function modeOf(path: string): number {
  const stat = new Stat();
  check(statAt(stat, AT_FDCWD, rawFromText(path)), "stat", path);
  return stat.mode;
}
