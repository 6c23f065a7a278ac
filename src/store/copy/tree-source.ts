import { type RawName, rawFromText } from "../../base/bytes.js";
import { AT_FDCWD, O_CLOEXEC, O_DIRECTORY, O_RDONLY } from "../../sys/constants.js";
import { check, checkPath } from "../../sys/error.js";
import { close, openAt } from "../../sys/file.js";
import { Stat, statAt } from "../../sys/stat.js";
import { isUncopied, markFor } from "../pending.js";
import { openDirectory, openSource, openSourceBeneath } from "./open.js";
import type { CopySpec } from "./spec.js";
import type { TreeCopy } from "./tree-copy.js";

/**
 * The tree that a copy is made from. While it is being copied itself, its directories are given their entries before they are
 * read, so that names and identities are always its own; what a file has not got yet is read from where it comes from.
 */
export class TreeSource {
  private readonly root: number;
  /** The copy by which the source itself is still being made. */
  private readonly making: TreeCopy | undefined;
  private readonly origin = new Stat();

  constructor(spec: CopySpec, makeCopy: (spec: CopySpec) => TreeCopy) {
    const [nearest, ...farther] = spec.sources;
    const path = nearest!.path;
    this.root = check(openAt(AT_FDCWD, rawFromText(path), O_RDONLY | O_DIRECTORY | O_CLOEXEC), "open", path);
    this.making =
      farther.length === 0
        ? undefined
        : makeCopy({ ...spec, target: path, beside: nearest!.beside, sources: farther, verify: false });
  }

  /** Whether nothing of it has to be made before it can be read. */
  get isWhole(): boolean {
    return this.making === undefined;
  }

  /** Opens a directory that has its entries. @returns a descriptor or -errno */
  directory(path: RawName | ""): number {
    this.making?.expand(path);
    return openDirectory(this.root, path);
  }

  /**
   * Opens a file that has its content.
   * @param directory descriptor of the source directory that holds it, or undefined when only the path is known
   * @param out its attributes; identity and link count are those in this tree
   * @returns a descriptor or -errno
   */
  file(directory: number | undefined, name: RawName, path: RawName, out: Stat): number {
    const fd = directory === undefined ? openSourceBeneath(this.root, path) : openSource(directory, name);
    if (fd < 0) return fd;
    checkPath(statAt(out, fd, ""), "stat", path);
    return this.making === undefined || !isUncopied(out) ? fd : this.farther(fd, path, out);
  }

  /** As file, but attributes only. @returns 0 or -errno */
  stat(directory: number, name: RawName, path: RawName, out: Stat): number {
    const code = statAt(out, directory, name);
    if (code < 0 || this.making === undefined || !isUncopied(out)) return code;
    if (out.isDirectory) {
      this.making.source.statDirectory(path, out);
      return 0;
    }
    const fd = this.file(directory, name, path, out);
    if (fd >= 0) close(fd);
    return Math.min(0, fd);
  }

  private statDirectory(path: RawName, out: Stat): void {
    const fd = openDirectory(this.root, path);
    if (fd < 0) return;
    const code = statAt(this.origin, fd, "");
    close(fd);
    if (code < 0) return;
    if (this.making !== undefined && isUncopied(this.origin))
      this.making.source.statDirectory(path, this.origin);
    if (out.mode === markFor(this.origin.mode)) out.mode = this.origin.mode;
  }

  private farther(fd: number, path: RawName, out: Stat): number {
    const { origin } = this;
    const farther = this.making!.source.file(undefined, path, path, origin);
    if (farther < 0) return fd;
    if (out.mode !== markFor(origin.mode)) {
      close(farther);
      return fd;
    }
    close(fd);
    const { ino, nlink, devMajor, devMinor } = out;
    out.assign(origin);
    Object.assign(out, { ino, nlink, devMajor, devMinor });
    return farther;
  }

  close(): void {
    this.making?.close();
    close(this.root);
  }
}
