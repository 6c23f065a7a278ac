import type { RawName } from "../../base/bytes.js";
import { type MountRoot, readMountInfo } from "../../sys/mount.js";
import { foreignMountRoots } from "../../sys/mount-namespaces.js";
import { isMountOf, mountTables, originOf } from "../../sys/mount-tables.js";

/**
 * Whether the directory of a snapshot, or something in it, is mounted somewhere: in this mount namespace, or in any
 * other that can be seen.
 * @param snapshots real path of the store's snapshots/
 */
export function isBindMounted(snapshots: RawName, id: number): boolean {
  const own = readMountInfo();
  const origin = originOf(`${snapshots}/${id}` as RawName, own);
  if (origin === undefined) return false;
  const isOfSnapshot = (mount: MountRoot): boolean => isMountOf(mount, origin);
  // There may be a thousand processes, and hardly any other namespace.
  const foreign = foreignMountRoots();
  if (foreign !== undefined) return own.some(isOfSnapshot) || foreign.some(isOfSnapshot);
  for (const { table } of mountTables()) if (table.some(isOfSnapshot)) return true;
  return false;
}
