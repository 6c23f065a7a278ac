import type { Info } from "../../store/types.js";
import type { Context } from "./context.js";
import { KIND_DIRECTORY } from "./node-ids.js";

/** A file of info/KIND/NAME/. */
export interface Value {
  readonly name: string;
  /** Without a newline at the end; several lines are separated by newlines. Undefined: there is no such file. */
  readonly text: (context: Context, info: Info) => string | Promise<string>;
  /** Whether reading has to wait or to count, so that its length is not known before. */
  readonly isSlow?: true;
}

const time = (ms: number): string => new Date(ms).toISOString();

function state(context: Context, info: Info): string | Promise<string> {
  if (info.copy?.state === "failed")
    return `failed: ${info.copy.what} (errno ${info.copy.errno}); remove it: rmdir info/${KIND_DIRECTORY[info.kind]}/…`;
  if (info.kind === "committed" && (info.copy !== undefined || info.flush !== undefined)) return "committing";
  if (info.copy === undefined) return "ready";
  return context.store.progress(info.id).then((percent) => `preparing ${Math.floor(percent)}%`);
}

async function mounts(context: Context, info: Info): Promise<string> {
  const source = await context.store.path(info);
  return `bind ${source} ${info.kind === "active" ? "rw" : "ro"},rbind`;
}

/** What can be read of a snapshot, one value per file. Their order is that of their node ids: append only. */
export const VALUES: readonly Value[] = [
  { name: "id", text: (_, info) => String(info.id) },
  { name: "kind", text: (_, info) => info.kind },
  { name: "created", text: (_, info) => time(info.created) },
  { name: "updated", text: (_, info) => time(info.updated) },
  { name: "state", text: state, isSlow: true },
  { name: "path", text: (context, info) => context.store.path(info), isSlow: true },
  { name: "mounts", text: mounts, isSlow: true },
  {
    name: "size",
    text: async (context, info) => String((await context.store.usage(info)).size),
    isSlow: true,
  },
  {
    name: "inodes",
    text: async (context, info) => String((await context.store.usage(info)).inodes),
    isSlow: true,
  },
];
