import { O_RDWR } from "./constants.js";
import { cFunction, result } from "./ffi.js";
import { close, openAt } from "./file.js";

const cDup2 = cFunction("int dup2(int, int)");

/**
 * Points a descriptor of this process at /dev/null (dup2(2)), so that whoever reads its other end sees the end.
 * @returns the descriptor or -errno
 */
export function redirectToNull(fd: number): number {
  const nothing = openAt(-100, "/dev/null", O_RDWR);
  if (nothing < 0) return nothing;
  const code = result(cDup2(nothing, fd));
  close(nothing);
  return code;
}
