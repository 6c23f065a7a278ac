import type { RawName } from "../../base/bytes.js";
import type { Answer, Caller, Entry, IoArea } from "../../fuse/filesystem.js";
import { isUncopied } from "../../store/pending.js";
import { RENAME_EXCHANGE, RENAME_WHITEOUT, S_IFDIR, S_IFMT, S_ISGID, S_ISVTX } from "../../sys/constants.js";
import {
  linkFd,
  makeDirAt,
  makeNodeAt,
  readLinkAt,
  removeDirAt,
  renameAt,
  symlinkAt,
  unlinkAt,
} from "../../sys/dir.js";
import { ENOENT, ESTALE, EXDEV } from "../../sys/errno.js";
import { Stat, statAt } from "../../sys/stat.js";
import type { Core } from "./core.js";
import type { EntryState } from "./entry-state.js";

/** Operations on names in entries; each is the same call on the native directory. */
export class NameOperations {
  private readonly before = new Stat();
  private readonly after = new Stat();

  constructor(private readonly core: Core) {}

  lookup(caller: Caller, parent: number, name: RawName, out: Entry): Answer {
    const { core } = this;
    const wait = core.waits.entries(caller, parent, name);
    if (wait !== undefined)
      return wait.then((code) => (code < 0 ? code : this.lookup(caller, parent, name, out)));
    const entry = core.nodes.entry(parent);
    if (entry === undefined) return -ESTALE;
    const dirfd = core.fds.directory(parent);
    const code = dirfd < 0 ? dirfd : statAt(out.stat, dirfd, name);
    if (code === 0) return core.answers.entry(entry, parent, name, out.stat, out);
    if (code !== -ENOENT) return code;
    return core.answers.absence(entry, parent, name, out);
  }

  readlink(node: number, out: IoArea): Answer {
    const { core } = this;
    if (core.nodes.entry(node) === undefined) return -ESTALE;
    const parent = core.nodes.parent(node);
    const dirfd = core.fds.pin(node) ?? core.fds.directory(parent);
    if (dirfd < 0) return dirfd;
    const target = readLinkAt(dirfd, core.fds.pin(node) === undefined ? core.nodes.name(node) : "");
    if (typeof target === "number") return target;
    return out.buffer.latin1Write(target, 0);
  }

  /** What all calls that make a name have in common. */
  private make(
    caller: Caller,
    parent: number,
    name: RawName,
    out: Entry,
    mode: number | undefined,
    work: (dirfd: number) => number,
  ): Answer {
    const { core } = this;
    const entry = core.nodes.entry(parent);
    if (entry === undefined) return -ESTALE;
    const refused = core.mayChange(entry);
    if (refused !== 0) return refused;
    const wait = core.waits.entries(caller, parent) ?? core.waits.mode(caller, entry, mode);
    if (wait !== undefined) {
      return wait.then((code) => (code < 0 ? code : this.make(caller, parent, name, out, mode, work)));
    }
    const dirfd = core.fds.directory(parent);
    if (dirfd < 0) return dirfd;
    core.identity.become(caller);
    const isSgid = mode !== undefined && (mode & S_IFMT) !== S_IFDIR && (mode & S_ISGID) !== 0;
    if (isSgid) core.identity.actInGroups(caller);
    let code = work(dirfd);
    core.identity.restore();
    if (code < 0) return code;
    core.watches.renewed(parent, name);
    code = statAt(out.stat, dirfd, name);
    return code < 0 ? code : core.answers.entry(entry, parent, name, out.stat, out);
  }

  mkdir(caller: Caller, parent: number, name: RawName, mode: number, out: Entry): Answer {
    return this.make(caller, parent, name, out, S_IFDIR | mode, (dirfd) => makeDirAt(dirfd, name, mode));
  }

  mknod(caller: Caller, parent: number, name: RawName, mode: number, rdev: number, out: Entry): Answer {
    // The wire has the kernel's own packing: minor low 8, major 12, minor high 12 bits (new_decode_dev).
    const major = (rdev >>> 8) & 0xfff;
    const minor = (rdev & 0xff) | ((rdev >>> 12) & 0xfff00);
    return this.make(caller, parent, name, out, mode, (dirfd) => makeNodeAt(dirfd, name, mode, major, minor));
  }

  symlink(caller: Caller, parent: number, name: RawName, target: RawName, out: Entry): Answer {
    return this.make(caller, parent, name, out, undefined, (dirfd) => symlinkAt(target, dirfd, name));
  }

  link(caller: Caller, node: number, parent: number, name: RawName, out: Entry): Answer {
    const { core } = this;
    if (core.nodes.entry(node) !== core.nodes.entry(parent)) return -EXDEV;
    const entry = core.nodes.entry(node);
    if (entry === undefined) return -ESTALE;
    const refused = core.mayChange(entry);
    if (refused !== 0) return refused;
    const wait = core.waits.content(caller, node);
    if (wait !== undefined)
      return wait.then((code) => (code < 0 ? code : this.link(caller, node, parent, name, out)));
    return this.make(caller, parent, name, out, undefined, (dirfd) =>
      core.withNode(node, (fd) => linkFd(fd, dirfd, name), caller.pid),
    );
  }

  /** unlink and rmdir. */
  remove(caller: Caller, parent: number, name: RawName, directory: boolean): Answer {
    const { core } = this;
    const entry = core.nodes.entry(parent);
    if (entry === undefined) return -ESTALE;
    const refused = core.mayChange(entry);
    if (refused !== 0) return refused;
    const wait =
      core.waits.entries(caller, parent) ??
      (directory ? core.waits.removal(caller, parent, name) : undefined);
    if (wait !== undefined)
      return wait.then((code) => (code < 0 ? code : this.remove(caller, parent, name, directory)));
    const dirfd = core.fds.directory(parent);
    if (dirfd < 0) return dirfd;
    const node = this.pinBeforeLoss(parent, dirfd, name);
    this.actInSticky(caller, entry, dirfd, name);
    const code = directory ? removeDirAt(dirfd, name) : unlinkAt(dirfd, name);
    core.identity.restore();
    if (code === 0) core.watches.renewed(parent, name);
    else if (node !== 0 && !core.handles.ofNode(node)) core.fds.unpin(node);
    return code;
  }

  /**
   * Sticky directories: the kernel has checked whose file a name leads to, but natively another one may have got that
   * name since.
   */
  private actInSticky(caller: Caller, entry: EntryState, dirfd: number, name: RawName): void {
    const { before } = this;
    if (caller.uid === 0 || statAt(before, dirfd, "") !== 0 || (before.mode & S_ISVTX) === 0) return;
    // What is not copied yet has not got its owner either; it was made by the copy, and nobody else.
    if (entry.pending && statAt(before, dirfd, name) === 0 && isUncopied(before)) return;
    this.core.identity.act(caller);
    this.core.identity.disown(caller);
  }

  /** A node that is still known keeps its file when this name goes. @returns the node or 0 */
  private pinBeforeLoss(parent: number, dirfd: number, name: RawName): number {
    const { core } = this;
    const entry = core.nodes.entry(parent);
    if (entry === undefined || statAt(this.before, dirfd, name) !== 0) return 0;
    const node = core.nodes.of(entry, this.before);
    if (node !== 0) core.fds.pinByName(node, dirfd, name, this.before.size);
    return node;
  }

  rename(
    caller: Caller,
    parent: number,
    name: RawName,
    toParent: number,
    toName: RawName,
    flags: number,
  ): Answer {
    const { core } = this;
    const entry = core.nodes.entry(parent);
    if (entry === undefined) return -ESTALE;
    if (entry !== core.nodes.entry(toParent)) return -EXDEV;
    const refused = core.mayChange(entry);
    if (refused !== 0) return refused;
    const { waits } = core;
    const wait =
      waits.entries(caller, parent) ??
      waits.entries(caller, toParent) ??
      waits.move(caller, parent, name) ??
      // What is replaced is either a file, of which nothing is needed any more, or must be empty.
      ((flags & RENAME_EXCHANGE) === 0
        ? waits.removal(caller, toParent, toName)
        : waits.move(caller, toParent, toName));
    if (wait !== undefined) {
      return wait.then((code) =>
        code < 0 ? code : this.rename(caller, parent, name, toParent, toName, flags),
      );
    }
    const from = core.fds.directory(parent);
    const to = core.fds.directory(toParent);
    if (from < 0 || to < 0) return Math.min(from, to);
    const target = this.pinBeforeLoss(toParent, to, toName);
    // A whiteout that stays behind belongs to the caller.
    if ((flags & RENAME_WHITEOUT) !== 0) core.identity.become(caller);
    this.actInSticky(caller, entry, from, name);
    this.actInSticky(caller, entry, to, toName);
    const code = renameAt(from, name, to, toName, flags);
    core.identity.restore();
    if (code < 0) {
      if (target !== 0) core.fds.unpin(target);
      return code;
    }
    core.watches.moved(parent, name, toParent, toName, (flags & RENAME_EXCHANGE) !== 0);
    this.follow(toParent, to, toName);
    if (flags !== 0) this.follow(parent, from, name);
    return 0;
  }

  /** Notes where a file is after a rename. */
  private follow(parent: number, dirfd: number, name: RawName): void {
    const { core } = this;
    const entry = core.nodes.entry(parent);
    if (entry === undefined || statAt(this.after, dirfd, name) !== 0) return;
    const node = core.nodes.of(entry, this.after);
    if (node === 0) return;
    core.nodes.place(node, parent, name);
    core.fds.unpin(node);
  }
}
