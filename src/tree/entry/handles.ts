import type { Caller, SessionControl } from "../../fuse/filesystem.js";
import { AT_FDCWD, O_ACCMODE, O_RDONLY, O_RDWR } from "../../sys/constants.js";
import { ELOOP, EPERM } from "../../sys/errno.js";
import { close, fdPath, openAt } from "../../sys/file.js";
import { isOpenForWriting } from "../../sys/lease.js";
import type { EntryState } from "./entry-state.js";
import { dependsOnGroups, type Identity } from "./identity.js";

/** From so many files on that may be mapped, those that are not any more are sought out. */
const MOST_MAPPED = 64;

/** One open(2) of a file through the mount. */
export interface Handle {
  readonly node: number;
  readonly entry: EntryState;
  readonly fd: number;
  readonly writable: boolean;
  /** Whether it can be mapped shared and writable: only what is open for both can. */
  readonly mappable: boolean;
  /** Whether the kernel reads and writes the native file itself. */
  readonly passthrough: boolean;
}

/** How the open handles of one inode do their I/O; all of them alike, since the kernel refuses a mixture. */
interface InodeUse {
  readonly backingId: number;
  writers: number;
  /** Those of them that can be mapped shared and writable. */
  mappers: number;
  readonly handles: Set<Handle>;
}

/** Open files, and the backing files that the kernel uses for them. */
export class Handles {
  private readonly handles = new Map<number, Handle>();
  private readonly uses = new Map<number, InodeUse>();
  private next = 1;
  private refused = false;

  constructor(
    private readonly identity: Identity,
    private readonly wantPassthrough: boolean,
  ) {}

  get count(): number {
    return this.handles.size;
  }

  /** @returns the open handle, or undefined when there is none or it is of another node */
  get(node: number, number: number): Handle | undefined {
    const handle = this.handles.get(number);
    return handle?.node === node ? handle : undefined;
  }

  /** @returns any open handle of a node, by which it can be reached when its name has gone */
  ofNode(node: number): Handle | undefined {
    const use = this.uses.get(node);
    if (use === undefined) return undefined;
    for (const handle of use.handles) return handle;
    return undefined;
  }

  /**
   * Whether a mapping can change the file now without a word to the kernel's FUSE client, which sees to everything else
   * that is written through it: by a handle, or by a mapping that outlived it.
   */
  mayBeMapped(node: number, entry: EntryState): boolean {
    if ((this.uses.get(node)?.mappers ?? 0) > 0) return true;
    const fd = entry.mapped.get(node);
    if (fd === undefined) return false;
    if (isOpenForWriting(fd)) return true;
    this.forgetMapped(node, entry);
    return false;
  }

  /** The node ends, and with it every mapping through the mount: a mapped file holds its inode. */
  forgetMapped(node: number, entry: EntryState): void {
    const fd = entry.mapped.get(node);
    if (fd === undefined) return;
    entry.mapped.delete(node);
    close(fd);
  }

  /** Whether a handle of the node can write. */
  hasWriter(node: number): boolean {
    return (this.uses.get(node)?.writers ?? 0) > 0;
  }

  /**
   * Takes an open descriptor into the table.
   * @param mode of the file
   * @returns the handle's number and its backing id, 0 for none
   */
  add(
    control: SessionControl | undefined,
    caller: Caller,
    node: number,
    entry: EntryState,
    fd: number,
    flags: number,
    mode: number,
  ): { handle: number; backingId: number } {
    let use = this.uses.get(node);
    if (use === undefined) {
      use = { backingId: this.back(control, caller, fd, mode), writers: 0, mappers: 0, handles: new Set() };
      this.uses.set(node, use);
    }
    const writable = (flags & O_ACCMODE) !== O_RDONLY;
    const mappable = isMappable(flags);
    entry.handles++;
    if (mappable) use.mappers++;
    if (writable) {
      use.writers++;
      entry.writers++;
    }
    const number = this.next++;
    const handle = { node, entry, fd, writable, mappable, passthrough: use.backingId > 0 };
    this.handles.set(number, handle);
    use.handles.add(handle);
    return { handle: number, backingId: use.backingId };
  }

  /** RELEASE; of a handle that is not, or is of another node, nothing. */
  remove(control: SessionControl | undefined, node: number, number: number): void {
    const handle = this.get(node, number);
    if (handle === undefined) return;
    this.handles.delete(number);
    const use = this.uses.get(handle.node);
    handle.entry.handles--;
    if (handle.writable) handle.entry.writers--;
    if (use !== undefined) {
      use.handles.delete(handle);
      if (handle.writable) use.writers--;
      if (handle.mappable) use.mappers--;
      if (use.handles.size === 0) {
        this.uses.delete(handle.node);
        if (use.backingId > 0) control?.closeBacking(use.backingId);
      }
    }
    if (handle.writable && handle.passthrough) this.closeMapped(handle);
    else close(handle.fd);
  }

  /**
   * Whether something in the entry can still be written: open for writing, or mapped.
   * A shared mapping of a passthrough file outlives its RELEASE without a word, but not to the native file.
   */
  isEntryWritten(entry: EntryState): boolean {
    if (entry.writers > 0) return true;
    pruneMapped(entry);
    return entry.mapped.size > 0;
  }

  closeAll(control: SessionControl | undefined): void {
    for (const [number, { node }] of [...this.handles]) this.remove(control, node, number);
  }

  /**
   * Closes a handle, and keeps the file in mind if it may have been mapped writable. It may also look so because whoever
   * closed it has not got further than to queue the RELEASE, and still has the backing file open; so it is asked again.
   */
  private closeMapped(handle: Handle): void {
    const { entry, node } = handle;
    const fd =
      handle.mappable && !entry.mapped.has(node) ? openAt(AT_FDCWD, fdPath(handle.fd), O_RDONLY) : -1;
    close(handle.fd);
    if (fd < 0) return;
    if (!isOpenForWriting(fd)) {
      close(fd);
      return;
    }
    entry.mapped.set(node, fd);
    if (entry.mapped.size > MOST_MAPPED) pruneMapped(entry);
  }

  private back(control: SessionControl | undefined, caller: Caller, fd: number, mode: number): number {
    if (!this.wantPassthrough || this.refused || control === undefined || !control.features.passthrough)
      return 0;
    // The kernel will read and write with the credentials of this moment: as the caller's own would be.
    if (dependsOnGroups(mode)) this.identity.actInGroups(caller);
    else this.identity.act(caller);
    const id = control.openBacking(fd);
    if (id === -EPERM || id === -ELOOP) this.refused = true;
    return Math.max(id, 0);
  }
}

/** Whether a file that was opened with flags can be mapped shared and writable (EACCES in mmap(2)). */
export function isMappable(flags: number): boolean {
  return (flags & O_ACCMODE) === O_RDWR;
}

/** Forgets the files that nobody has mapped any more. */
function pruneMapped(entry: EntryState): void {
  for (const [node, fd] of entry.mapped) {
    if (isOpenForWriting(fd)) continue;
    entry.mapped.delete(node);
    close(fd);
  }
}
