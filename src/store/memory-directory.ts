import { lstatSync, mkdirSync, statfsSync } from "node:fs";
import { log } from "../base/log.js";

const trace = log("store");
export const SHARED_MEMORY = "/dev/shm";
const TMPFS_MAGIC = 0x01021994;

/**
 * @param memory a directory of a tmpfs, in which each user has one
 * @returns a directory in memory that only this user can have filled, or undefined
 * @throws the error of node:fs when there is no such place, or nothing can be made there
 */
export function memoryOfUser(memory = SHARED_MEMORY): string | undefined {
  if (statfsSync(memory).type !== TMPFS_MAGIC) return undefined;
  const uid = process.geteuid!();
  const directory = `${memory}/snapmount-${uid}`;
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const found = lstatSync(directory);
  const isOurs = found.isDirectory() && found.uid === uid && (found.mode & 0o077) === 0;
  if (!isOurs) trace("%s is not this user's alone", directory);
  return isOurs ? directory : undefined;
}
