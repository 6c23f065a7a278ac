import { snapshotPath } from "../../store/layout.js";
import { contentId, type Info, type Usage } from "../../store/types.js";
import { errnoText } from "../../sys/error.js";
import type { Context } from "./context.js";
import { encodeKey } from "./names.js";
import { KIND_DIRECTORY } from "./node-ids.js";

/** A file of info/KIND/NAME/. Values have no newline at their end. */
export interface Value {
  readonly name: string;
  /** What is known at once; undefined when it has to be waited for. */
  readonly now: (context: Context, info: Info) => string | undefined;
  readonly later?: (context: Context, info: Info) => Promise<string>;
}

const time = (ms: number): string => new Date(ms).toISOString();

/** What can be read of a snapshot, one value per file. Their order is that of their node ids: append only. */
export const VALUES: readonly Value[] = [
  { name: "id", now: (_, info) => String(info.id) },
  { name: "kind", now: (_, info) => info.kind },
  { name: "created", now: (_, info) => time(info.created) },
  { name: "updated", now: (_, info) => time(info.updated) },
  {
    name: "state",
    now: state,
    later: async (context, info) => `preparing ${Math.floor(await context.store.progress(info.id))}%`,
  },
  { name: "path", now: path, later: (context, info) => context.store.path(info) },
  {
    name: "mounts",
    now: (context, info) => mounts(info, path(context, info)),
    later: async (context, info) => mounts(info, await context.store.path(info))!,
  },
  usageValue("size"),
  usageValue("inodes"),
  { name: "method", now: method },
];

function state(_: Context, { kind, key, copy, flush }: Info): string | undefined {
  if (copy?.state === "failed")
    return `failed: ${copy.what}: ${errnoText(copy.errno)}; remove it: rmdir info/${KIND_DIRECTORY[kind]}/${encodeKey(key)}`;
  if (kind === "committed" && (copy !== undefined || flush !== undefined)) return "committing";
  return copy === undefined ? "ready" : undefined;
}

/** How what the parent holds got here. */
function method(_: Context, { kind, parentId, copy, method: made }: Info): string {
  if (parentId === undefined || kind === "view") return "none";
  if (copy !== undefined) return copy.state;
  // Of one that an older version has made it is not known.
  return made ?? "unknown";
}

/** The native directory, which is handed out when its copy is complete. */
function path({ reader }: Context, info: Info): string | undefined {
  const content = contentId(info);
  const owner = content === info.id ? info : reader.getById(content);
  return owner === undefined || owner.copy !== undefined
    ? undefined
    : snapshotPath(reader.directory, content);
}

/**
 * What containerd's Mounts() returns, of committed ones what it would of a view: type, source and options, to be read by
 * `read -r type source options`. White space and backslashes in the source are written as in fstab(5), or it would be cut.
 */
function mounts(info: Info, source: string | undefined): string | undefined {
  if (source === undefined) return undefined;
  return `bind ${escapeField(source)} ${info.kind === "active" ? "rw" : "ro"},rbind`;
}

/** @returns a path as a field of fstab(5) */
export function escapeField(path: string): string {
  return path.replace(/[\\\s]/g, (c) => `\\${c.charCodeAt(0).toString(8).padStart(3, "0")}`);
}

function usageValue(name: keyof Usage): Value {
  return {
    name,
    // A view takes up nothing of its own (containerd counts it so, too).
    now: (_, info) => (info.kind === "view" ? "0" : info.usage && String(info.usage[name])),
    later: async (context, info) => String((await context.store.usage(info))[name]),
  };
}
