import { statfsSync } from "node:fs";
import { statfs } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { rawFromText } from "../base/bytes.js";
import { enableLog, log } from "../base/log.js";
import { type MountOptions, mountFuse, mountsDirectly } from "../fuse/mount.js";
import { LIMITS } from "../fuse/native/limits.js";
import { loadFuseNative } from "../fuse/native/package.js";
import { createCopyEngine } from "../store/copy/engine.js";
import type { CopyEngine } from "../store/copy/types.js";
import { lockOwner } from "../store/lock.js";
import { openStore, type Store } from "../store/store.js";
import { StoreError } from "../store/types.js";
import { MS_NODEV, MS_NOSUID, MS_RDONLY } from "../sys/constants.js";
import { close } from "../sys/file.js";
import { OVERLAYFS_SUPER_MAGIC } from "../sys/stat.js";
import { unmountAfterDeath } from "./auto-unmount.js";
import { Failure, messageOf, storeFailure } from "./failure.js";
import { MOUNT_TYPE, mountAt } from "./mounts.js";
import { NativeSession } from "./native-session.js";
import { notifyManager, warn } from "./notify.js";
import { type Places, preparePlaces } from "./places.js";
import { raiseReadahead } from "./readahead.js";
import { Rehearsal } from "./rehearsal.js";
import type { MountRequest } from "./request.js";
import type { Session } from "./session.js";
import { SessionThread } from "./session-thread.js";
import { StopRequest } from "./stop-request.js";
import { takeDown } from "./take-down.js";
import { unmount } from "./unmount.js";

const trace = log("daemon");

/** How long a store may take to be closed by a daemon whose mount has gone, in milliseconds. */
const CLOSING_MS = 10_000;
const RETRY_MS = 50;

/** Tells whoever waits that the mount is there; rejects when nobody wants it any more. */
export type Announce = (mountpoint: string) => Promise<void>;

/** For a daemon in the foreground: there is nobody to tell, so the mount is only tried. */
export const tryMount: Announce = async (mountpoint) => {
  await statfs(mountpoint);
};

/**
 * Serves a store at a mountpoint until it is unmounted, from outside or by SIGTERM or SIGINT.
 * @param announce called once requests are answered
 * @throws Failure when it cannot be mounted, or ends in any but an orderly way
 */
export async function runDaemon(request: MountRequest, announce: Announce): Promise<void> {
  if (request.debug) enableLog();
  refuseForRootOnly(request.options.flags);
  if (request.driver === "fuse-native") refuseWithoutPackage();
  const stop = new StopRequest();
  try {
    const places = preparePlaces(request.store, request.mountpoint);
    // The directory where it was started shall not be kept busy.
    process.chdir("/");
    let mounted = false;
    try {
      await withStore(request, places, async (store, engine) => {
        stop.throwIfRequested();
        await serve(request, places, { store, engine }, stop, async (mountpoint) => {
          await announce(mountpoint);
          mounted = true;
          store.warm();
        });
      });
    } catch (error) {
      if (!mounted) places.undo();
      throw error;
    }
  } finally {
    stop.dispose();
  }
}

async function withStore(
  request: MountRequest,
  places: Places,
  use: (store: Store, engine: CopyEngine) => Promise<void>,
): Promise<void> {
  const engine = createCopyEngine();
  try {
    const store = await openWhenClosed(places.store, engine, request.options.readOnly);
    try {
      store.setLockInfo({ mountpoint: places.mountpoint, driver: request.driver, passthrough: false });
      for (const message of store.recovered) warn(message);
      await use(store, engine);
    } finally {
      trace("closing the store");
      await store.close();
    }
  } finally {
    await engine.close();
  }
  trace("the store is closed");
}

/** Opens a store; waits for a daemon that is closing it, because its mount has just gone. */
async function openWhenClosed(directory: string, engine: CopyEngine, readOnly: boolean): Promise<Store> {
  const deadline = Date.now() + CLOSING_MS;
  for (;;) {
    try {
      return await openStore(directory, { engine, readOnly });
    } catch (error) {
      const busy = error instanceof StoreError && error.kind === "Busy";
      if (!busy || Date.now() > deadline || !isBeingClosed(directory)) throw storeFailure(error, directory);
      trace("waiting until %s is closed: %s", directory, error);
      await sleep(RETRY_MS);
    }
  }
}

function isBeingClosed(directory: string): boolean {
  const owner = lockOwner(directory);
  if (owner === undefined) return true;
  return owner.mountpoint !== undefined && mountAt(owner.mountpoint)?.type !== MOUNT_TYPE;
}

async function serve(
  request: MountRequest,
  places: Places,
  { store, engine }: { readonly store: Store; readonly engine: CopyEngine },
  stop: StopRequest,
  announce: Announce,
): Promise<void> {
  const { mountpoint } = places;
  const { session, close } = attach(request, places, store);
  const rehearsal =
    session instanceof SessionThread && !request.options.readOnly
      ? new Rehearsal(engine, (directory, stage) => session.rehearse(directory, stage))
      : undefined;
  try {
    await session.started;
    if (request.options.autoUnmount) unmountAfterDeath(mountpoint);
    const answered = announce(mountpoint).then(() => true);
    const gone = Promise.race([session.ended, stop.requested]).then(() => false);
    if (!(await Promise.race([answered, gone]))) stop.throwIfRequested();
    trace("%s is mounted at %s and answers", places.store, mountpoint);
    raiseReadahead(mountpoint);
    void rehearsal?.start();
    notifyManager(`MAINPID=${process.pid}\nREADY=1\nSTATUS=${places.store} is mounted at ${mountpoint}`);
    await gone;
    notifyManager("STOPPING=1");
    if (stop.isRequested) await takeDown(mountpoint, session, stop);
  } catch (error) {
    trace("giving up the mount: %s", error);
    const outcome = await unmount(mountpoint, true);
    if (outcome.errno !== 0) warn(`${mountpoint} could not be unmounted: ${outcome.message}`);
    session.stop();
    throw error;
  } finally {
    await session.ended.catch((error: unknown) => trace("the session: %s", error));
    // Whoever still waits for an answer, in a mount that was detached while in use, gets ENOTCONN now.
    close();
    await rehearsal?.end();
  }
}

const FOR_ROOT_ONLY: readonly (readonly [flag: number, option: string])[] = [
  [MS_NOSUID, "suid"],
  [MS_NODEV, "dev"],
];

function refuseForRootOnly(flags: number): void {
  if (mountsDirectly()) return;
  const asked = FOR_ROOT_ONLY.filter(([flag]) => (flags & flag) === 0).map(([, option]) => option);
  if (asked.length === 0) return;
  throw new Failure("fuse", `only root may mount with -o ${asked.join(",")}: leave that out`);
}

/** Before a store is made in vain. */
function refuseWithoutPackage(): void {
  try {
    loadFuseNative();
  } catch (error) {
    throw new Failure("fuse", messageOf(error));
  }
}

/** Mounts, with the driver that was asked for. */
function attach(
  request: MountRequest,
  places: Places,
  store: Store,
): { readonly session: Session; readonly close: () => void } {
  const { options } = request;
  const isNative = request.driver === "fuse-native";
  const how: MountOptions = {
    source: rawFromText(options.fsname ?? places.store),
    mountpoint: rawFromText(places.mountpoint),
    subtype: "snapmount",
    // fuse-native does not say who asks: others' files would be made in the daemon's name.
    allowOther: options.allowOther ?? (mountsDirectly() && !isNative),
    flags: options.flags | (options.readOnly ? MS_RDONLY : 0),
  };
  try {
    if (isNative) {
      const session = new NativeSession(store, how, options);
      for (const limit of LIMITS) warn(limit);
      return { session, close: () => undefined };
    }
    const fd = mountFuse(how);
    const { store: directory, mountpoint } = places;
    const maxStackDepth = stackDepth(directory);
    const session = new SessionThread(
      store,
      { fd, directory, maxStackDepth, options, debug: request.debug },
      (passthrough) => store.setLockInfo({ mountpoint, driver: request.driver, passthrough }),
    );
    return { session, close: () => close(fd) };
  } catch (error) {
    throw new Failure("fuse", `${places.mountpoint} cannot be mounted: ${messageOf(error)}`);
  }
}

/** With 1 nothing is lost but passthrough on overlayfs, with 2 nothing can be stacked on the mount. */
function stackDepth(store: string): 1 | 2 {
  return statfsSync(store).type === OVERLAYFS_SUPER_MAGIC ? 2 : 1;
}
