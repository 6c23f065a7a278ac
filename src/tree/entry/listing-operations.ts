import type { RawName } from "../../base/bytes.js";
import type { Answer, Caller, DirSink, Entry } from "../../fuse/filesystem.js";
import { ESTALE } from "../../sys/errno.js";
import { Stat, statAt } from "../../sys/stat.js";
import type { Core } from "./core.js";

/** Lists directories of entries. */
export class ListingOperations {
  constructor(private readonly core: Core) {}

  readdir(caller: Caller, node: number, offset: bigint, sink: DirSink): Answer {
    const { core } = this;
    const wait = core.waits.entries(caller, node);
    if (wait !== undefined)
      return wait.then((code) => (code < 0 ? code : this.readdir(caller, node, offset, sink)));
    const entry = core.nodes.entry(node);
    if (entry === undefined) return -ESTALE;
    const dirfd = core.fds.directory(node);
    if (dirfd < 0) return dirfd;
    const cursor = core.cursors.at(node, dirfd, offset);
    if (typeof cursor === "number") return cursor;
    const { entries } = cursor;
    for (;;) {
      const got = core.cursors.step(cursor);
      if (got <= 0) return got;
      const { next } = entries;
      if (this.put(entry, node, dirfd, sink, entries.name, entries.ino, entries.type, next)) {
        cursor.at = next;
        continue;
      }
      // It did not fit: the next call begins with it.
      entries.position = entries.start;
      return 0;
    }
  }

  private put(
    entry: NonNullable<ReturnType<Core["nodes"]["entry"]>>,
    node: number,
    dirfd: number,
    sink: DirSink,
    name: RawName,
    ino: number,
    type: number,
    next: bigint,
  ): boolean {
    const { core } = this;
    const dev = core.nodes.dev(node);
    const dots = name === "." ? node : name === ".." ? core.nodes.parent(node) : 0;
    if (dots !== 0) return sink.add(name, core.answers.inodeNumber(entry, dots, dev, ino), type, next);
    // What is above the root of an entry is not one of its files.
    if (!sink.plus || name === "..") return sink.add(name, entry.visibleIno(dev, ino), type, next);
    if (!sink.fits(name.length)) return false;
    const out = this.slot;
    // A file that went meanwhile, or cannot be asked, is listed without attributes, as natively.
    if (statAt(out.stat, dirfd, name) !== 0) return sink.add(name, entry.visibleIno(dev, ino), type, next);
    core.answers.entry(entry, node, name, out.stat, out);
    return sink.addPlus(name, out, type, next);
  }

  private readonly slot: Entry = {
    node: 0,
    generation: 0,
    entryTimeout: 0,
    attrTimeout: 0,
    stat: new Stat(),
  };
}
