import { readdirSync, realpathSync, statSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { printable } from "../base/bytes.js";
import { Failure, messageOf } from "../daemon/failure.js";
import { isDeadMount, MOUNT_TYPE, mountAt, resolveMountpoint } from "../daemon/mounts.js";
import { MAKINGS } from "../daemon/places.js";
import { lockOwner, type Owner } from "../store/lock.js";
import { StoreError } from "../store/types.js";
import type { Access } from "./access.js";
import { failureOf } from "./failures.js";
import { MountedStore } from "./mounted-store.js";

/** How long another command, or a daemon that starts or ends, may keep a store, in milliseconds. */
const PATIENCE_MS = 10_000;
const RETRY_MS = 50;

/**
 * Opens a store by its directory or its mountpoint: through the mount while it is mounted, else directly.
 * @param path as the user gave it
 * @param create whether an empty directory is a store
 * @throws Failure
 */
export async function openAccess(path: string, create = false): Promise<Access> {
  const real = resolvePath(path);
  const mount = mountAt(real);
  if (mount?.type !== MOUNT_TYPE) return openDirectory(real, create);
  const source = printable(mount.source);
  if (isAlive(real)) {
    const store = source.startsWith("/") ? source : undefined;
    return mounted(store, real, ownerOf(store));
  }
  if (source.startsWith("/") && isStore(source)) return openDirectory(source, false);
  throw new Failure(
    "mountpoint",
    `the mount at ${path} is dead: say the directory of the store, or mount it again`,
  );
}

function resolvePath(path: string): string {
  try {
    return resolveMountpoint(path);
  } catch (error) {
    throw new Failure("notFound", `${path} is no store and no mountpoint: ${messageOf(error)}`);
  }
}

function isAlive(mountpoint: string): boolean {
  try {
    statSync(mountpoint);
    return true;
  } catch (error) {
    if (isDeadMount(error)) return false;
    throw failureOf(error) ?? error;
  }
}

/** Whether a directory is a store, without opening it. */
export function isStore(directory: string): boolean {
  return statSync(join(directory, "metadata.mdb"), { throwIfNoEntry: false }) !== undefined;
}

async function openDirectory(directory: string, create: boolean): Promise<Access> {
  requireStore(directory, create);
  const deadline = Date.now() + PATIENCE_MS;
  for (;;) {
    const owner = ownerOf(directory);
    if (owner?.mountpoint !== undefined && mountAt(owner.mountpoint)?.type === MOUNT_TYPE) {
      if (isAlive(owner.mountpoint)) return mounted(directory, owner.mountpoint, owner);
    } else if (owner === undefined || owner.mountpoint === undefined) {
      const own = await openUnlessBusy(directory, deadline);
      if (own !== undefined) return own;
    } else if (Date.now() > deadline) throw elsewhere(directory, owner);
    await sleep(RETRY_MS);
  }
}

function mounted(store: string | undefined, mountpoint: string, owner: Owner | undefined): Access {
  const { pid, driver, passthrough } = owner ?? {};
  return new MountedStore({ store, mountpoint, pid, driver, passthrough }, mountpoint);
}

/** @returns undefined while somebody else has it and there is time to wait */
async function openUnlessBusy(directory: string, deadline: number): Promise<Access | undefined> {
  // Through a mount nothing of the store itself is loaded.
  const { OwnStore } = await import("./own-store.js");
  try {
    return await OwnStore.open(directory);
  } catch (error) {
    const isBusy = error instanceof StoreError && error.kind === "Busy";
    if (!isBusy || Date.now() > deadline) throw failureOf(error) ?? error;
    return undefined;
  }
}

function requireStore(directory: string, create: boolean): void {
  let names: string[];
  try {
    names = readdirSync(realpathSync(directory));
  } catch (error) {
    throw new Failure("notFound", `${directory} is no store: ${messageOf(error)}`);
  }
  if (names.includes("metadata.mdb")) return;
  if (create && names.every((name) => MAKINGS.includes(name))) return;
  throw new Failure(
    "notFound",
    `${directory} is no store${names.includes("info") ? "; is it below a mountpoint?" : ""}: name the directory of a store, or where it is mounted`,
  );
}

function ownerOf(directory: string | undefined): Owner | undefined {
  if (directory === undefined) return undefined;
  try {
    return lockOwner(directory);
  } catch {
    // Not this user's to look at: then only the mount itself can be used.
    return undefined;
  }
}

function elsewhere(directory: string, owner: Owner): Failure {
  return new Failure(
    "busy",
    `the store ${directory} is mounted at ${owner.mountpoint} by process ${owner.pid}, in another mount namespace: run this command there (nsenter -m -t ${owner.pid})`,
  );
}
