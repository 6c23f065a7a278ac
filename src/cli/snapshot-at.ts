import { dirname } from "node:path";
import { printable } from "../base/bytes.js";
import { Failure, messageOf } from "../daemon/failure.js";
import { MOUNT_TYPE, mountAt, resolveMountpoint } from "../daemon/mounts.js";
import { KIND_DIRECTORY, KINDS } from "../tree/control/node-ids.js";
import type { Ref } from "./ref.js";

/**
 * Finds the snapshot that a path on a mount belongs to: `mnt/active/web/file` to `active/web`.
 * @throws Failure when it belongs to none
 */
export function snapshotAt(path: string): { readonly store: string; readonly ref: Ref } {
  const real = resolved(path);
  for (let at = real; ; at = dirname(at)) {
    const mount = mountAt(at);
    if (mount?.type === MOUNT_TYPE) {
      const inside = `${printable(mount.root)}/${real.slice(at.length + 1)}`.split("/").filter(Boolean);
      return { store: at, ref: refOfPath(inside[0] === "info" ? inside.slice(1) : inside, path) };
    }
    if (at === dirname(at)) break;
  }
  throw new Failure(
    "notFound",
    `${path} is on no mount of snapmount: name a path there, or the store and a snapshot`,
  );
}

function resolved(path: string): string {
  try {
    return resolveMountpoint(path);
  } catch (error) {
    throw new Failure("notFound", `${path}: ${messageOf(error)}`);
  }
}

function refOfPath([directory, name]: readonly string[], path: string): Ref {
  const kind = KINDS.find((candidate) => KIND_DIRECTORY[candidate] === directory);
  if (kind !== undefined && name !== undefined) return { kind, name: name.replace(/@.*$/s, "") };
  throw new Failure("usage", `${path} is no snapshot: name one, such as ${path}/active/web`);
}
