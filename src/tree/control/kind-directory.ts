import type { RawName } from "../../base/bytes.js";
import type { Answer, Attributes, Caller, Changes, DirSink, Entry } from "../../fuse/filesystem.js";
import type { Info, Kind } from "../../store/types.js";
import { S_IFDIR, S_ISGID } from "../../sys/constants.js";
import { EBUSY, EEXIST, EISDIR, ENOENT, ENOTEMPTY, EPERM, EROFS } from "../../sys/errno.js";
import type { Context } from "./context.js";
import { attempt, then } from "./errors.js";
import { ControlNode, NLINK_UNCOUNTED, type Shown } from "./node.js";
import { KIND_NODES, SLOT_LISTED, snapshotNode } from "./node-ids.js";

/** active/, committed/ or views/: a directory whose entries are snapshots. */
export class KindDirectory extends ControlNode {
  protected override readonly isFixed = true;

  constructor(
    context: Context,
    readonly kind: Kind,
  ) {
    super(context, KIND_NODES[kind]);
  }

  show(): Shown {
    const { mode, uid, gid } = this.context.access(this.kind);
    const mtime = this.context.clock.of(this.kind);
    return { mode: S_IFDIR | mode, uid, gid, nlink: NLINK_UNCOUNTED, mtime };
  }

  override lookup(name: RawName, out: Entry): Answer {
    const found = this.context.resolver.find(this.kind, name);
    return found === undefined ? -ENOENT : this.lead(found, out);
  }

  /** `NAME@PARENT` is looked up at each use: when NAME goes or moves, the kernel cannot know that this name does, too. */
  private lead({ info, alias }: { info: Info; alias: boolean }, out: Entry): Answer {
    return then(this.context.entries.lookupRoot(info, out), (code) => {
      if (alias) out.entryTimeout = 0;
      return code;
    });
  }

  override readdir(offset: bigint, sink: DirSink): number {
    return this.context.list(this.kind, this.id, offset, sink, (id) => snapshotNode(id, SLOT_LISTED));
  }

  override setattr(changes: Changes, out: Attributes): Answer {
    const { context, kind } = this;
    if (changes.size !== undefined) return -EISDIR;
    if (context.options.readOnly) return -EROFS;
    const access = context.access(kind);
    const next = {
      mode: changes.mode === undefined ? access.mode : changes.mode & 0o7777,
      uid: changes.uid ?? access.uid,
      gid: changes.gid ?? access.gid,
    };
    return attempt(async () => {
      await context.setAccess(kind, next);
      return this.attributes(out);
    });
  }

  override mkdir(caller: Caller, name: RawName, mode: number, out: Entry): Answer {
    const { context, kind } = this;
    if (context.options.readOnly) return -EROFS;
    if (kind === "committed") return -EPERM;
    const target = context.resolver.target(kind, name);
    if (typeof target === "number") return target;
    const { key, parent } = target;
    if (parent !== undefined && context.reader.get("committed", parent) === undefined) return -ENOENT;
    if (context.reader.get(kind, key) !== undefined) return -EEXIST;
    const abort = new AbortController();
    caller.onInterrupt = () => abort.abort();
    const options = {
      owner: this.ownerOfNew(caller, mode),
      sync: context.options.prepareSync,
      signal: abort.signal,
    };
    return attempt(async () => {
      const info =
        kind === "active"
          ? await context.store.prepare(key, parent, options)
          : await context.store.view(key, parent, options);
      context.made(info);
      return await this.lead({ info, alias: parent !== undefined }, out);
    });
  }

  /** As anywhere: the caller's, with his umask, and in a setgid directory of that directory's group. */
  private ownerOfNew(caller: Caller, mode: number): { uid: number; gid: number; mode: number } {
    const here = this.context.access(this.kind);
    const bits = mode & 0o1777 & ~caller.umask;
    return (here.mode & S_ISGID) !== 0
      ? { uid: caller.uid, gid: here.gid, mode: bits | S_ISGID }
      : { uid: caller.uid, gid: caller.gid, mode: bits };
  }

  override rmdir(name: RawName): Answer {
    const found = this.context.resolver.find(this.kind, name);
    if (found === undefined) return -ENOENT;
    if (this.kind !== "active") return removeSnapshot(this.context, found.info);
    const empty = this.context.entries.isEmpty(found.info);
    if (empty < 0) return empty;
    return empty === 0 ? -ENOTEMPTY : removeSnapshot(this.context, found.info);
  }

  override unlink(name: RawName): Answer {
    return this.context.resolver.find(this.kind, name) === undefined ? -ENOENT : -EISDIR;
  }
}

/** Removes a snapshot whatever it holds. @returns 0 or -errno; EBUSY when it is open or something was made from it */
export function removeSnapshot(context: Context, info: Info): Answer {
  if (context.options.readOnly) return -EROFS;
  if (context.entries.isOpen(info.id)) return -EBUSY;
  return context.entries.whileUnchanged(info, ENOENT, () =>
    attempt(async () => {
      await context.store.remove(info);
      context.gone(info);
      return 0;
    }),
  );
}
