import { setTimeout as sleep } from "node:timers/promises";
import { EBUSY } from "../sys/errno.js";
import { describeHolders, findHolders } from "./holders.js";
import { warn } from "./notify.js";
import type { Session } from "./session.js";
import type { StopRequest } from "./stop-request.js";
import { unmount } from "./unmount.js";

/** How long those who use the mount may take to leave, in milliseconds. */
const PATIENCE_MS = 5000;
const RETRY_MS = 100;
/** How long a session may take to see that its mount has gone, in milliseconds. */
const END_MS = 2000;

/**
 * Unmounts on behalf of a signal. When the mount is busy it says who keeps it so, and waits for a while; as a last
 * resort, or at a second signal, the mount is detached and its users lose it.
 */
export async function takeDown(mountpoint: string, session: Session, stop: StopRequest): Promise<void> {
  const deadline = Date.now() + PATIENCE_MS;
  let outcome = await unmount(mountpoint);
  if (outcome.errno === EBUSY) warn(`${mountpoint} is busy:\n${describeHolders(findHolders(mountpoint))}`);
  while (outcome.errno === EBUSY && Date.now() < deadline && !stop.isUrgent) {
    await sleep(RETRY_MS);
    outcome = await unmount(mountpoint);
  }
  if (outcome.errno !== 0) {
    warn(`${mountpoint} is detached although it is in use (${outcome.message})`);
    const detached = await unmount(mountpoint, true);
    if (detached.errno !== 0) warn(`${mountpoint} could not be detached: ${detached.message}`);
    session.stop();
  }
  // A copy of the mount in another mount namespace keeps it, and with it the session, alive.
  const timeout = new AbortController();
  const late = sleep(END_MS, "late" as const, { signal: timeout.signal }).catch(() => "late" as const);
  if ((await Promise.race([session.ended, late])) === "late") session.stop();
  timeout.abort();
  await session.ended;
}
