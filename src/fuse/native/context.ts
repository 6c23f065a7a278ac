import type { RawName } from "../../base/bytes.js";
import { S_ISGID, S_ISUID } from "../../sys/constants.js";
import type { Caller, FileSystem, NodeId } from "../filesystem.js";
import { HiddenFiles } from "./hidden.js";
import { OpenFiles } from "./open-files.js";
import { Paths } from "./paths.js";

/** What all callbacks of one mount share. */
export class Context {
  readonly caller: Caller;
  readonly paths: Paths;
  readonly files = new OpenFiles();
  readonly hidden = new HiddenFiles();

  /** @param othersMayWrite what is made then loses suid and sgid: it would belong to the daemon's user */
  constructor(
    readonly fs: FileSystem,
    private readonly othersMayWrite: boolean,
  ) {
    this.caller = {
      uid: process.geteuid!(),
      gid: process.getegid!(),
      pid: process.pid,
      // The kernel has applied the caller's own.
      umask: 0,
      onInterrupt: undefined,
    };
    this.paths = new Paths(fs, this.caller);
  }

  /** Runs work with the node of a path. */
  async at(path: RawName, work: (node: NodeId) => number | Promise<number>): Promise<number> {
    const hidden = this.hidden.find(path);
    if (hidden !== undefined) return await work(hidden);
    const node = await this.paths.resolve(path);
    if (node < 0) return node;
    try {
      return await work(node);
    } finally {
      this.paths.put(node);
    }
  }

  /** The mode of a new file. Others' suid and sgid bits would become the daemon's. */
  modeOfNew(mode: number): number {
    return this.othersMayWrite ? mode & ~(S_ISUID | S_ISGID) : mode;
  }
}
