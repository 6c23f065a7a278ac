import type { RawName } from "../../base/bytes.js";
import type { NodeId } from "../filesystem.js";

/** An open(2) through the mount. */
export interface OpenFile {
  readonly node: NodeId;
  /** Whether the node was counted for this file, and is to be given back after it. */
  readonly counted: boolean;
  /** The file system's handle. */
  readonly handle: number;
  /** What libfuse believes its path to be. */
  path: RawName;
}

/** Open files by the numbers that libfuse is given for them. */
export class OpenFiles {
  private readonly files = new Map<number, OpenFile>();
  private next = 1;

  get count(): number {
    return this.files.size;
  }

  add(file: OpenFile): number {
    const number = this.next++;
    this.files.set(number, file);
    return number;
  }

  get(number: number): OpenFile | undefined {
    return this.files.get(number);
  }

  remove(number: number): OpenFile | undefined {
    const file = this.files.get(number);
    this.files.delete(number);
    return file;
  }

  isOpen(node: NodeId): boolean {
    for (const file of this.files.values()) if (file.node === node) return true;
    return false;
  }

  /** Follows a rename. */
  moved(from: RawName, to: RawName): void {
    for (const file of this.files.values()) {
      if (file.path === from) file.path = to;
      else if (file.path.startsWith(`${from}/`))
        file.path = `${to}${file.path.slice(from.length)}` as RawName;
    }
  }

  /**
   * Whether libfuse believes an open file to be below a directory. Such a directory may not go, however empty it is: libfuse
   * would pass no path at all for the file, which ends fuse-native.
   */
  anyBelow(directory: RawName): boolean {
    for (const file of this.files.values()) if (file.path.startsWith(`${directory}/`)) return true;
    return false;
  }
}
