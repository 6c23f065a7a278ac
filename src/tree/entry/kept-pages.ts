import { isClosedForWriting } from "../../sys/lease.js";
import { changedAgo, type Stat, stamp } from "../../sys/stat.js";

/** A change time that is older, in ms, is not given again to what is changed next: a tick of the kernel's clock is at most 10. */
const TICK_MS = 20;

/**
 * Which files' pages the kernel may keep from one open(2) to the next, where it reads and writes them by us (without
 * passthrough). What is changed natively while a file is closed has to be seen by whoever opens it next, as with NFS; the
 * change time tells, for any change but a store to a page that a mapping has written to already.
 */
export class KeptPages {
  /** The change time of which the kernel's pages are, by node. */
  private readonly versions = new Map<number, number>();

  /**
   * To be asked at each open; notes of which time the pages are from now on.
   * @param fd the file, as it has been opened
   * @param stat of the file, after it was opened
   * @returns whether the pages that the kernel has are still right
   */
  areRight(node: number, fd: number, stat: Readonly<Stat>): boolean {
    const version = stamp(stat.ctime, stat.ctimeNs);
    if (this.versions.get(node) === version) return true;
    if (changedAgo(stat) > TICK_MS && isClosedForWriting(fd)) this.versions.set(node, version);
    else this.versions.delete(node);
    return false;
  }

  /** The node ends. */
  drop(node: number): void {
    this.versions.delete(node);
  }
}
