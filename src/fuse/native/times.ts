import { UTIME_NOW, UTIME_OMIT } from "../../sys/constants.js";
import type { Changes } from "../filesystem.js";

type Times = Pick<Changes, "atime" | "atimeNs" | "mtime" | "mtimeNs">;

/**
 * What fuse-native makes of UTIME_OMIT and UTIME_NOW, which differ in their last nanosecond only: it has whole
 * milliseconds. So this one moment of 1970 cannot be set.
 */
const OMIT_OR_NOW_MS = 1073;

/**
 * What utimens is to set, from what fuse-native leaves of it. Both "omit or now" together is now, since nobody asks for
 * nothing; one of them beside a time is omit, as touch -m -d and tar have it.
 * @param atime, mtime milliseconds since the epoch
 */
export function timesToSet(atime: number, mtime: number): Times {
  if (atime === OMIT_OR_NOW_MS && mtime === OMIT_OR_NOW_MS)
    return { atime: 0, atimeNs: UTIME_NOW, mtime: 0, mtimeNs: UTIME_NOW };
  const [access, change] = [split(atime), split(mtime)];
  return { atime: access.seconds, atimeNs: access.ns, mtime: change.seconds, mtimeNs: change.ns };
}

function split(ms: number): { seconds: number | undefined; ns: number } {
  if (ms === OMIT_OR_NOW_MS) return { seconds: undefined, ns: UTIME_OMIT };
  const seconds = Math.floor(ms / 1000);
  return { seconds, ns: (ms - seconds * 1000) * 1e6 };
}
