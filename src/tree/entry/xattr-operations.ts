import type { RawName } from "../../base/bytes.js";
import { XATTR_SIZE_MAX } from "../../base/limits.js";
import type { Answer, Caller, IoArea } from "../../fuse/filesystem.js";
import { ERANGE, ESTALE } from "../../sys/errno.js";
import { fdPath } from "../../sys/file.js";
import { fgetXattr, flistXattr, getXattr, listXattr, removeXattr, setXattr } from "../../sys/xattr.js";
import type { Wait } from "./copy-waits.js";
import type { Core } from "./core.js";
import type { EntryState } from "./entry-state.js";

const scratch = Buffer.alloc(XATTR_SIZE_MAX);

/** Operations on the extended attributes of files in entries. */
export class XattrOperations {
  constructor(private readonly core: Core) {}

  getxattr(node: number, name: RawName, size: number, out: IoArea): Answer {
    const room = size === 0 ? null : out.buffer;
    return this.core.waits.withContent(node, (fd, open) =>
      open ? fgetXattr(fd, name, room, size) : getXattr(fdPath(fd), name, room, size),
    );
  }

  listxattr(caller: Caller, node: number, size: number, out: IoArea): Answer {
    return this.core.waits.withContent(node, (fd, open) => {
      const length = open
        ? flistXattr(fd, scratch, scratch.length)
        : listXattr(fdPath(fd), scratch, scratch.length);
      if (length <= 0) return length;
      // Natively trusted.* shows to the privileged only (xattr(7)), and the native file system sees us asking.
      const names = scratch.latin1Slice(0, length).split("\0").filter(Boolean);
      const seen = caller.uid === 0 ? names : names.filter((name) => !name.startsWith("trusted."));
      const text = seen.map((name) => `${name}\0`).join("");
      if (size === 0) return text.length;
      return text.length > size ? -ERANGE : out.buffer.latin1Write(text, 0);
    });
  }

  setxattr(
    caller: Caller,
    node: number,
    name: RawName,
    value: Buffer,
    flags: number,
    killSgid: boolean,
  ): Answer {
    return this.changeXattr(caller, node, name, (fd) => {
      // An ACL that clears sgid: the kernel has found the caller outside the file's group.
      if (killSgid) this.core.identity.actReduced(caller, 0);
      const code = setXattr(fdPath(fd), name, value, value.length, flags);
      this.core.identity.restore();
      return code;
    });
  }

  removexattr(caller: Caller, node: number, name: RawName): Answer {
    return this.changeXattr(caller, node, name, (fd) => removeXattr(fdPath(fd), name));
  }

  /** An ACL changes permission bits, so that what is sticky could come to look like something that is not copied. */
  private beforeAcl(caller: Caller, entry: EntryState, node: number, name: RawName): Wait {
    const { core } = this;
    if (!entry.pending || name !== "system.posix_acl_access" || core.statNode(core.stat, node) !== 0)
      return undefined;
    return core.waits.mode(caller, entry, core.stat.mode);
  }

  private changeXattr(caller: Caller, node: number, name: RawName, work: (fd: number) => number): Answer {
    const { core } = this;
    const entry = core.nodes.entry(node);
    if (entry === undefined) return -ESTALE;
    const refused = core.mayChange(entry);
    if (refused !== 0) return refused;
    const wait = core.waits.content(caller, node) ?? this.beforeAcl(caller, entry, node, name);
    if (wait !== undefined)
      return wait.then((code) => (code < 0 ? code : this.changeXattr(caller, node, name, work)));
    return core.withNode(node, work);
  }
}
