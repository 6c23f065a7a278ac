import type { RawName } from "../../base/bytes.js";
import { LOCK_EX, LOCK_NB } from "../../sys/constants.js";
import { EAGAIN } from "../../sys/errno.js";
import { checkPath } from "../../sys/error.js";
import { flock } from "../../sys/file.js";
import { Board } from "./spec.js";

/**
 * Waits until nobody else works on a file or directory, which lasts until the descriptor is closed. The kernel's own locks
 * (flock(2)) keep the threads of a copy apart, so that none has to ask another and a thread that dies holds nothing.
 * Whoever waits shows it on the board, and those who hold something long come to an end of it.
 * @throws SysError
 */
export function lock(fd: number, board: Int32Array, path: RawName | ""): void {
  if (lockAtOnce(fd, path)) return;
  Atomics.add(board, Board.hurry, 1);
  try {
    checkPath(flock(fd, LOCK_EX), "flock", path);
  } finally {
    Atomics.sub(board, Board.hurry, 1);
  }
}

/** The same without waiting. @returns whether nobody else works on it. @throws SysError */
export function lockAtOnce(fd: number, path: RawName | ""): boolean {
  const code = flock(fd, LOCK_EX | LOCK_NB);
  if (code === -EAGAIN) return false;
  checkPath(code, "flock", path);
  return true;
}
