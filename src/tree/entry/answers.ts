import type { RawName } from "../../base/bytes.js";
import type { Attributes, Entry } from "../../fuse/filesystem.js";
import { isUncopied } from "../../store/pending.js";
import { S_IFDIR } from "../../sys/constants.js";
import { type Stat, statAt } from "../../sys/stat.js";
import type { Core } from "./core.js";
import type { EntryState } from "./entry-state.js";
import type { Surroundings } from "./watches.js";

/** Attributes of what can change may be kept for so long, in ms, unless they are watched or it is asked otherwise. */
export const DEFAULT_CACHE_TIMEOUT = 1000;
/**
 * Names for a little less, by this factor, and never longer than the attributes: whoever acts on a name that is still kept
 * finds its attributes kept as well. Asked for the attributes of a file that another one has replaced, we can only say
 * ESTALE. link(2) makes EPERM of that (safe_hardlink_source in fs/namei.c), everything else looks the name up again. What
 * opening a file for reading and writing makes the kernel ask again is the one gap that is left.
 */
const NAMES_PART = 0.9;
/** For what cannot change. */
const SETTLED_TIMEOUT = 24 * 3600 * 1000;

/** What the kernel is told of a node, and for how long it may keep it. */
export class Answers implements Surroundings {
  constructor(private readonly core: Core) {}

  /** Answers a lookup: interns the file that stat describes under parent and name, and counts the lookup. */
  entry(entry: EntryState, parent: number, name: RawName, stat: Stat, out: Entry): number {
    const { nodes, watches } = this.core;
    const node = nodes.intern(entry, parent, name, stat);
    // Only what is asked for again is worth a watch. The kernel, which knows it, also sees to it that an answer does not
    // undo what was told of it meanwhile.
    const isAgain = nodes.isKnown(node) && parent !== 0 && mayBeWatched(entry);
    nodes.addLookup(node);
    const longer = isAgain ? watches.prolong(parent, name, node, stat) : 0;
    this.fill(entry, node, stat, longer, out);
    out.node = node;
    out.generation = nodes.generation(node);
    out.entryTimeout = NAMES_PART * out.attrTimeout;
    return 0;
  }

  /** Answers a lookup of a name that does not exist. */
  absence(entry: EntryState, parent: number, name: RawName, out: Entry): number {
    const longer = mayBeWatched(entry) ? this.core.watches.prolongAbsence(parent, name) : 0;
    out.node = 0;
    out.entryTimeout = NAMES_PART * Math.max(longer, this.attributesTimeout(entry));
    return 0;
  }

  /** Answers a question for the attributes that out.stat has, by Core.statNode. */
  attributes(entry: EntryState, node: number, out: Attributes): void {
    const { core } = this;
    // A file that was not reached by its name may be elsewhere by now; the watch of a directory goes where that goes.
    const isWatched =
      mayBeWatched(entry) && (core.nodes.type(node) === S_IFDIR || core.held(node) === undefined);
    this.fill(entry, node, out.stat, isWatched ? core.watches.prolongAttributes(node, out.stat) : 0, out);
  }

  /**
   * The inode number that users see of a node's file.
   * @param dev and
   * @param ino what the native file has
   */
  inodeNumber(entry: EntryState, node: number, dev: number, ino: number): number {
    return this.core.nodes.parent(node) === 0 ? entry.rootIno : entry.visibleIno(dev, ino);
  }

  get nodes(): Surroundings["nodes"] {
    return this.core.nodes;
  }

  directory(node: number): number {
    return this.core.fds.directory(node);
  }

  look(parent: number, name: RawName, node: number, stat: Stat): boolean {
    const { core } = this;
    const dirfd = core.fds.directory(parent);
    if (dirfd < 0 || statAt(core.stat, dirfd, name) !== 0 || !core.nodes.is(node, core.stat)) return false;
    stat.assign(core.stat);
    return true;
  }

  /** Attributes as users see them. @param longer ms for which they may be kept at least, unless they may not be kept at all */
  private fill(entry: EntryState, node: number, stat: Stat, longer: number, out: Attributes): void {
    const { waits, handles } = this.core;
    const { dev, ino } = stat;
    if (out.stat !== stat) out.stat.assign(stat);
    if (entry.pending && isUncopied(stat)) waits.overlay(entry, node, out.stat);
    out.stat.ino = this.inodeNumber(entry, node, dev, ino);
    const isKept = entry.settled || !handles.mayBeMapped(node, entry);
    out.attrTimeout = isKept ? Math.max(longer, this.attributesTimeout(entry)) : 0;
  }

  /** For how long attributes below an entry may be kept that nobody watches. */
  private attributesTimeout(entry: EntryState): number {
    if (entry.settled) return SETTLED_TIMEOUT;
    const { cacheTimeout } = this.core.options;
    // What is completed in the background changes without the kernel's doing.
    return entry.pending ? Math.min(cacheTimeout, DEFAULT_CACHE_TIMEOUT) : cacheTimeout;
  }
}

/** Whether what an entry holds may change behind the kernel's back, but not by our doing. */
function mayBeWatched(entry: EntryState): boolean {
  return entry.writable && !entry.pending;
}
