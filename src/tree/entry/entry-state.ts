import { contentId, type Info } from "../../store/types.js";

/** Inode numbers of control directories start at 2^41; these of entries on other devices at 2^52. */
const SALTED_INODES = 2 ** 52;
const SALT_SPAN = 2 ** 31;
const MOST_SALTS = 2 ** 21;

/** What the session keeps of one snapshot while the kernel knows any node of it. */
export class EntryState {
  /** Node of its root directory, 0 before the first lookup. */
  root = 0;
  /** The snapshot was removed; only open handles still work. */
  gone = false;
  /** The errno with which every change is refused from now on, 0 for none: it is being committed or removed. */
  refusal = 0;
  /** Whether its record is known to be on the disk, so that fsync need not ask. */
  durable = false;
  /** Its root directory was not made yet when it was last looked at: another one may take its place (a snapshot of btrfs). */
  provisional = false;
  /** Handles that are open, and those of them that can write. */
  handles = 0;
  writers = 0;
  /** Descriptors (read-only) of files that may still be mapped writable, by node. */
  readonly mapped = new Map<number, number>();
  /** Paths whose subtrees are known to be copied, while the whole is not. */
  readonly completed = new Set<string>();
  /** Paths that were copied ahead, while the whole is not. */
  readonly touched = new Set<string>();
  private owner: Info | undefined;
  private readonly own = new Map<number, number>();
  private readonly foreign = new Map<string, number>();

  /**
   * @param info the snapshot
   * @param storeDev device of the store's snapshots/
   */
  constructor(
    public info: Info,
    private readonly storeDev: number,
  ) {}

  get id(): number {
    return this.info.id;
  }

  /** Name of the native directory in snapshots/. */
  get directory(): string {
    return String(contentId(this.info));
  }

  get writable(): boolean {
    return this.info.kind === "active";
  }

  /** Number of the snapshot that owns its directory. */
  get contentId(): number {
    return contentId(this.info);
  }

  /** The snapshot that owns its directory: another one for a view of a parent. */
  get content(): Info {
    return this.contentId === this.id ? this.info : (this.owner ?? this.info);
  }

  /** @param info of the snapshot that owns its directory */
  refreshContent(info: Info): void {
    if (info.id === this.id) this.info = info;
    else this.owner = info;
    if (info.copy !== undefined) return;
    this.completed.clear();
    this.touched.clear();
  }

  /** Whether parts of it may still have to be copied. */
  get pending(): boolean {
    return this.content.copy !== undefined;
  }

  /** Immutable and whole: what the kernel may keep for ever. */
  get settled(): boolean {
    return !this.writable && !this.pending;
  }

  nodeOf(dev: number, ino: number): number {
    return (dev === this.storeDev ? this.own.get(ino) : this.foreign.get(`${dev}:${ino}`)) ?? 0;
  }

  addNode(dev: number, ino: number, node: number): void {
    if (dev === this.storeDev) this.own.set(ino, node);
    else this.foreign.set(`${dev}:${ino}`, node);
  }

  forgetNode(dev: number, ino: number, node: number): void {
    if (this.nodeOf(dev, ino) !== node) return;
    if (dev === this.storeDev) this.own.delete(ino);
    else this.foreign.delete(`${dev}:${ino}`);
  }

  get unused(): boolean {
    return this.own.size === 0 && this.foreign.size === 0 && this.handles === 0;
  }

  /**
   * The inode number that users see. The whole mount is one device to them: numbers of other devices
   * (a btrfs subvolume has numbers of its own) and of a view, whose directory is also its parent's, are
   * moved into a range by snapshot id, or archivers would link what is not linked.
   */
  visibleIno(dev: number, ino: number): number {
    const shared = contentId(this.info) !== this.id;
    return dev === this.storeDev && !shared ? ino : this.salted(ino);
  }

  /**
   * The inode number that users see of its root directory: the same from the beginning, though a snapshot of btrfs may take
   * the place of the native one while somebody works in it. No file has the number 0 that this is made of.
   */
  get rootIno(): number {
    return this.salted(0);
  }

  private salted(ino: number): number {
    if (ino >= SALT_SPAN || this.id >= MOST_SALTS)
      return SALTED_INODES + ((ino * 31 + this.id * 8191) % SALTED_INODES);
    return SALTED_INODES + this.id * SALT_SPAN + ino;
  }
}
