import type { Changes } from "../filesystem.js";

/** A time that is so many milliseconds old at most is taken for "now". */
const RECENT_MS = 20;
const NS_OF_MS = 1e6;

/**
 * What utimens is to set. fuse-native has times in whole milliseconds, rounded down; for "now", which libfuse does not tell
 * from any other time, that would be before a file that was written a moment ago, and make(1) would build it again: so a
 * recent time is rounded up instead, but not into the future.
 * @param atime, mtime, now milliseconds since the epoch
 */
export function timesToSet(
  atime: number,
  mtime: number,
  now: number,
): Pick<Changes, "atime" | "atimeNs" | "mtime" | "mtimeNs"> {
  const isNow = atime === mtime && mtime <= now && now - mtime <= RECENT_MS;
  const rest = isNow && mtime < Math.floor(now) ? NS_OF_MS - 1 : 0;
  const [access, change] = [split(atime), split(mtime)];
  return {
    atime: access.seconds,
    atimeNs: access.ns + rest,
    mtime: change.seconds,
    mtimeNs: change.ns + rest,
  };
}

function split(ms: number): { seconds: number; ns: number } {
  const seconds = Math.floor(ms / 1000);
  return { seconds, ns: (ms - seconds * 1000) * NS_OF_MS };
}
