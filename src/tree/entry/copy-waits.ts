import type { RawName } from "../../base/bytes.js";
import type { Caller } from "../../fuse/filesystem.js";
import { isUncopied, looksLikeMark, markFor, type Need } from "../../store/pending.js";
import type { Info } from "../../store/types.js";
import { O_DIRECTORY, O_NOFOLLOW, O_PATH, S_IFDIR } from "../../sys/constants.js";
import { EINTR, EIO, ENOENT } from "../../sys/errno.js";
import { close, openAt, openBeneath } from "../../sys/file.js";
import { Stat, statAt } from "../../sys/stat.js";
import type { Core } from "./core.js";
import type { EntryState } from "./entry-state.js";

/** A wait that ends with 0 or -errno, or undefined when there is nothing to wait for. */
export type Wait = Promise<number> | undefined;

/**
 * What is shown of a snapshot whose copy is still under way, and what has to be waited for. Attributes are those of the
 * source as long as a file or directory is not made; for entries and content the caller waits, and nobody else.
 */
export class CopyWaits {
  private readonly stat = new Stat();

  constructor(private readonly core: Core) {}

  /**
   * For the entries of a directory.
   * @param next the name in it that is asked for, if whoever asks may go on from there
   */
  entries(caller: Caller, node: number, next?: RawName): Wait {
    const { core, stat } = this;
    const entry = core.nodes.entry(node);
    if (entry === undefined || !entry.pending || core.nodes.type(node) !== S_IFDIR) return undefined;
    if (core.statNode(stat, node) !== 0 || !isUncopied(stat)) return undefined;
    return this.expand(caller, entry, core.nodes.path(node), next);
  }

  /** For the content and attributes of a file, and for the entries of a directory. */
  content(caller: Caller, node: number, need: Need = "all"): Wait {
    const { core, stat } = this;
    const entry = core.nodes.entry(node);
    if (entry === undefined || !entry.pending || core.statNode(stat, node) !== 0 || !isUncopied(stat))
      return undefined;
    const path = core.nodes.path(node);
    if (stat.isDirectory) return this.expand(caller, entry, path);
    if (entry.touched.has(path)) return undefined;
    return this.copied(caller, entry, path, core.options.store.fill(entry.contentId, path, need));
  }

  /** For the entries of a directory that is to be removed by its name. */
  removal(caller: Caller, parent: number, name: RawName): Wait {
    const path = this.uncopiedName(parent, name);
    return path !== undefined && this.stat.isDirectory
      ? this.expand(caller, this.core.nodes.entry(parent)!, path)
      : undefined;
  }

  /** For everything below a name, before it moves: what is not copied must stay where its source is. */
  move(caller: Caller, parent: number, name: RawName): Wait {
    const { core, stat } = this;
    const entry = core.nodes.entry(parent);
    if (entry === undefined || !entry.pending) return undefined;
    const dirfd = core.fds.directory(parent);
    if (dirfd < 0 || statAt(stat, dirfd, name) !== 0) return undefined;
    if (!stat.isDirectory && !isUncopied(stat)) return undefined;
    const path = this.below(parent, name);
    if (entry.completed.has(path)) return undefined;
    const work = core.options.store.complete(entry.contentId, path);
    return this.copied(caller, entry, path, work).then((code) => {
      if (code >= 0) entry.completed.add(path);
      return code;
    });
  }

  /** For the whole copy, before somebody gives something a mode that says "not copied". */
  mode(caller: Caller, entry: EntryState, mode: number | undefined): Wait {
    if (mode === undefined || !looksLikeMark(mode) || entry.content.copy?.state !== "pending")
      return undefined;
    const work = this.core.options.store.whenCopied(entry.contentId).then(
      () => 0,
      () => -EIO,
    );
    return this.interruptible(caller, entry, work);
  }

  private expand(caller: Caller, entry: EntryState, path: RawName, next?: RawName): Wait {
    if (entry.touched.has(path)) return undefined;
    return this.copied(caller, entry, path, this.core.options.store.expand(entry.contentId, path, next));
  }

  /** @returns the path of what a name leads to if that is uncopied; this.stat is of it then */
  private uncopiedName(parent: number, name: RawName): RawName | undefined {
    const { core, stat } = this;
    const entry = core.nodes.entry(parent);
    const dirfd = entry?.pending === true ? core.fds.directory(parent) : -ENOENT;
    if (dirfd < 0 || statAt(stat, dirfd, name) !== 0 || !isUncopied(stat)) return undefined;
    return this.below(parent, name);
  }

  private below(parent: number, name: RawName): RawName {
    const path = this.core.nodes.path(parent);
    return (path === "" ? name : `${path}/${name}`) as RawName;
  }

  private async copied(
    caller: Caller,
    entry: EntryState,
    path: RawName,
    work: Promise<number>,
  ): Promise<number> {
    const code = await this.interruptible(caller, entry, work);
    // What really has the mode of something uncopied must not be waited for again and again.
    if (code >= 0) entry.touched.add(path);
    return code;
  }

  /** The copy goes on when its caller has been interrupted. */
  private interruptible(caller: Caller, entry: EntryState, work: Promise<number>): Promise<number> {
    return new Promise<number>((resolve, reject) => {
      caller.onInterrupt = () => resolve(-EINTR);
      work.then(resolve, reject);
    }).finally(() => {
      caller.onInterrupt = undefined;
      // After a wait the record may say that the copy has ended.
      this.core.refreshContent(entry);
    });
  }

  /** Shows what a raw directory or a placeholder is going to be. */
  overlay(entry: EntryState, node: number, out: Stat): void {
    const source = new Stat();
    if (this.source(entry, node, (fd) => statAt(source, fd, "")) !== 0) return;
    if (out.mode !== markFor(source.mode)) return;
    out.mode = source.mode;
    out.uid = source.uid;
    out.gid = source.gid;
    out.size = source.size;
    out.blocks = source.blocks;
    // Links of files are all made with the first (link-pool.ts), and users may have changed their number.
    if (source.isDirectory) out.nlink = source.nlink;
    out.atime = source.atime;
    out.atimeNs = source.atimeNs;
    out.mtime = source.mtime;
    out.mtimeNs = source.mtimeNs;
  }

  /**
   * Runs work on what a node that is not copied is copied from, or on the node's own file.
   * @param work takes a descriptor, and whether it is open for I/O, as that of Core.withNode
   */
  withContent(node: number, work: (fd: number, open: boolean) => number): number {
    const { core, stat } = this;
    const entry = core.nodes.entry(node);
    if (entry === undefined || !entry.pending || core.statNode(stat, node) !== 0 || !isUncopied(stat))
      return core.withNode(node, work);
    const { mode } = stat;
    const own = new Stat();
    const isOther = -ENOENT - 1_000_000;
    const code = this.source(entry, node, (fd) =>
      statAt(own, fd, "") !== 0 || markFor(own.mode) !== mode ? isOther : work(fd, false),
    );
    return code === isOther || code === -ENOENT ? core.withNode(node, work) : code;
  }

  private source(entry: EntryState, node: number, work: (fd: number) => number): number {
    const path = this.core.nodes.path(node);
    const probe = new Stat();
    const ids = this.sources(entry.content);
    for (const [at, id] of ids.entries()) {
      const root = openAt(this.core.snapshots, String(id), O_PATH | O_DIRECTORY | O_NOFOLLOW);
      if (root < 0) return root;
      const fd = path === "" ? root : openBeneath(root, path, O_PATH | O_NOFOLLOW);
      if (fd !== root) close(root);
      if (fd < 0) {
        // What a directory has that is raw itself is only where that comes from.
        if (fd === -ENOENT && at < ids.length - 1) continue;
        return fd;
      }
      const isFinal = at === ids.length - 1 || statAt(probe, fd, "") !== 0 || !isUncopied(probe);
      const code = isFinal ? work(fd) : 0;
      close(fd);
      if (isFinal) return code;
    }
    return -ENOENT;
  }

  /** Ids of the parent, grandparent … as far as each one's own copy is pending. */
  private sources(info: Info): number[] {
    const ids: number[] = [];
    for (let at: Info | undefined = info; at?.parentId !== undefined && at.copy !== undefined; ) {
      ids.push(at.parentId);
      at = this.core.options.reader.getById(at.parentId);
    }
    return ids;
  }
}
