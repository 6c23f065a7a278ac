import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type FileSystemType, makeImage } from "./image.js";

/** Room for an image and what its copies do not share with it. */
const OUTER_BYTES = 4 * 2 ** 30;
const INNER_BYTES = 512 * 2 ** 20;

/**
 * A file system whose power can be cut. Its image is a file on an xfs that shares blocks, and a cut is a reflink copy of
 * that file: FICLONE locks out writes to it, so the copy holds exactly what the file system had sent to its disk at one
 * instant, and nothing of what was still in the page cache. It is a disk that keeps what it has taken: writes that it
 * would have reordered in a volatile cache of its own are not played.
 */
export class CuttableDisk {
  readonly #directory = mkdtempSync(join(tmpdir(), "snapmount-cut-"));
  readonly #outer;
  readonly #inner;
  #cuts = 0;

  constructor(readonly type: FileSystemType) {
    try {
      this.#outer = makeImage("xfs", this.#directory, "outer", OUTER_BYTES);
      try {
        this.#inner = makeImage(type, this.#outer.path, "inner", INNER_BYTES);
      } catch (error) {
        this.#outer.close();
        throw error;
      }
    } catch (error) {
      rmSync(this.#directory, { recursive: true });
      throw error;
    }
  }

  /** Where the file system is mounted. */
  get path(): string {
    return this.#inner.path;
  }

  /** Cuts the power at an instant before it resolves. The file system itself goes on. */
  async cut(): Promise<Remains> {
    const number = ++this.#cuts;
    const image = join(this.#outer.path, `cut-${number}.img`);
    const copy = spawn("cp", ["--reflink=always", join(this.#outer.path, "inner.img"), image], {
      stdio: "inherit",
    });
    const [status] = (await once(copy, "exit")) as [number | null];
    if (status !== 0) throw new Error(`the image was not copied (${status})`);
    return new Remains(image, join(this.#directory, `cut-${number}`), this.type);
  }

  close(): void {
    this.#inner.close();
    this.#outer.close();
    rmSync(this.#directory, { recursive: true });
  }
}

/** What a power cut has left of a file system. */
export class Remains {
  constructor(
    private readonly image: string,
    readonly path: string,
    private readonly type: FileSystemType,
  ) {}

  /** Mounts it, which replays the journal. */
  mount(): void {
    mkdirSync(this.path);
    // Two file systems with one UUID are mounted then.
    const options = this.type === "xfs" ? "loop,nouuid" : "loop";
    execFileSync("mount", ["-o", options, this.image, this.path]);
  }

  /** Unmounts and deletes it. */
  dispose(): void {
    execFileSync("umount", [this.path]);
    rmSync(this.path, { recursive: true });
    rmSync(this.image);
  }
}
