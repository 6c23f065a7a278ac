import type { RawName } from "../../base/bytes.js";
import { ENOMEM } from "../../sys/errno.js";
import { foreignFunction } from "../../sys/foreign.js";
import { cname } from "../../sys/scratch.js";
import type { DirSink } from "../filesystem.js";
import { encodeDirent, type Filler } from "./request.js";

/** fuse_fill_dir_t (fuse.h of libfuse 2.9): 1 when there is no memory. */
const fill = foreignFunction("int fuse_fill_dir(uintptr_t buffer, void *name, void *stat, int64_t offset)");

/** Hands the entries of a directory to libfuse, which takes them all at once and passes them on in parts. */
export class Listing implements DirSink {
  readonly plus = false;
  /** 0, or -ENOMEM when libfuse could not take an entry. */
  result = 0;

  constructor(private readonly filler: Filler) {}

  fits(): boolean {
    return true;
  }

  add(name: RawName, ino: number, type: number): boolean {
    const { function: address, buffer } = this.filler;
    // DT_* are the type bits of a mode, shifted (IFTODT in dirent.h).
    if (fill(address, buffer, cname(name), encodeDirent(ino, type << 12), 0) === 0) return true;
    this.result = -ENOMEM;
    return false;
  }

  addPlus(): boolean {
    return false;
  }
}
