import type { RawName } from "../../base/bytes.js";
import type { Answer } from "../../fuse/filesystem.js";
import type { CreateOptions, Info } from "../../store/types.js";
import { StoreError } from "../../store/types.js";
import { EBUSY, EEXIST, ENAMETOOLONG, ENOENT, ENOTEMPTY, EPERM, EROFS } from "../../sys/errno.js";
import type { Context } from "./context.js";
import { attempt, toAnswer } from "./errors.js";
import type { KindDirectory } from "./kind-directory.js";

const RENAME_NOREPLACE = 1;

/**
 * rename(2) between directories of snapshots: commit, another name, or preparing by giving an empty entry a parent.
 * A refusal is never EXDEV, EINVAL or EEXIST, which mv(1) would take for something else.
 * @returns 0 or -errno
 */
export function renameSnapshot(
  context: Context,
  from: KindDirectory,
  name: RawName,
  to: KindDirectory,
  toName: RawName,
  flags: number,
): Answer {
  if (context.options.readOnly) return -EROFS;
  const found = context.resolver.find(from.kind, name);
  if (found === undefined) return -ENOENT;
  const isCommit = from.kind === "active" && to.kind === "committed";
  if ((!isCommit && from.kind !== to.kind) || (flags & ~RENAME_NOREPLACE) !== 0) return -EPERM;
  const target = context.resolver.target(to.kind, toName);
  if (typeof target === "number") return target === -ENAMETOOLONG ? target : -EPERM;
  const { info } = found;
  const { key, parent } = target;
  const isPrepare = parent !== undefined && parent !== info.parent;
  if (parent !== undefined && from.kind !== "active") return -EPERM;
  if (parent !== undefined && isCommit) return -EPERM;
  if (key !== info.key || isCommit) {
    const taken = context.reader.get(to.kind, key);
    if (taken !== undefined) return (flags & RENAME_NOREPLACE) !== 0 ? -EEXIST : -ENOTEMPTY;
  }
  if (isCommit) return commit(context, info, key);
  if (isPrepare) return prepareInstead(context, info, key, parent);
  return attemptRename(async () => {
    const after = await context.store.rename(info, key);
    context.moved(info, after);
    return 0;
  });
}

function commit(context: Context, info: Info, name: string): Answer {
  const quiescent = context.entries.checkQuiescent(info);
  if (quiescent < 0) return quiescent;
  return context.entries.whileUnchanged(info, EROFS, () =>
    attemptRename(async () => {
      const after = await context.store.commit(name, info.key);
      context.moved(info, after);
      return 0;
    }),
  );
}

/** A file manager makes "New Folder" first, and then gives it the name that says what to prepare. */
function prepareInstead(context: Context, info: Info, key: string, parent: string): Answer {
  if (context.reader.get("committed", parent) === undefined) return -ENOENT;
  if (info.parentId !== undefined) return -ENOTEMPTY;
  const empty = context.entries.isEmpty(info);
  if (empty < 0) return empty;
  if (empty === 0) return -ENOTEMPTY;
  if (info.hold !== undefined || context.entries.isOpen(info.id)) return -EBUSY;
  return context.entries.whileUnchanged(info, ENOENT, () =>
    attemptRename(async () => {
      const made = await (key === info.key ? replace : move)(context, info, key, parent);
      context.gone(info);
      context.made(made);
      return 0;
    }),
  );
}

/** Prepares by another name, then removes the empty one. When that fails, neither has happened. */
async function move(context: Context, info: Info, key: string, parent: string): Promise<Info> {
  const { store } = context;
  const made = await store.prepare(key, parent, optionsFor(context, info));
  try {
    await store.remove(info);
  } catch (error) {
    await store.remove(made);
    throw error;
  }
  return made;
}

/** Prepares by the same name, which has to be given up first. When that fails, there is an empty one again. */
async function replace(context: Context, info: Info, key: string, parent: string): Promise<Info> {
  const { store } = context;
  await store.remove(info);
  try {
    return await store.prepare(key, parent, optionsFor(context, info));
  } catch (error) {
    context.made(await store.prepare(key, undefined, { labels: info.labels }));
    context.gone(info);
    throw error;
  }
}

function optionsFor(context: Context, info: Info): CreateOptions {
  return { labels: info.labels, sync: context.options.prepareSync };
}

/** As attempt, with the errno that mv(1) reports best when a name was taken meanwhile. */
function attemptRename(work: () => Promise<number>): Promise<number> {
  return attempt(async () => {
    try {
      return await work();
    } catch (error) {
      if (error instanceof StoreError && error.kind === "AlreadyExists") return -ENOTEMPTY;
      return toAnswer(error);
    }
  });
}
