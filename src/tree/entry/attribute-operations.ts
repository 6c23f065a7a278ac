import type { Answer, Attributes, Caller, Changes } from "../../fuse/filesystem.js";
import { isUncopied } from "../../store/pending.js";
import { O_NONBLOCK, O_WRONLY, S_IFREG, UTIME_OMIT } from "../../sys/constants.js";
import { ESTALE } from "../../sys/errno.js";
import { close, fdPath, truncateFd } from "../../sys/file.js";
import { chmodFd, chmodPath, chownAt, utimesFd, utimesPath } from "../../sys/stat.js";
import type { Core } from "./core.js";

/** Operations on the attributes of files in entries; each is the same call on the native file. */
export class AttributeOperations {
  constructor(private readonly core: Core) {}

  getattr(node: number, out: Attributes): Answer {
    const { core } = this;
    const entry = core.nodes.entry(node);
    if (entry === undefined) return -ESTALE;
    const code = core.statNode(out.stat, node);
    if (code === 0) core.answers.attributes(entry, node, out);
    return code;
  }

  setattr(caller: Caller, node: number, changes: Changes, out: Attributes): Answer {
    const { core } = this;
    const entry = core.nodes.entry(node);
    if (entry === undefined) return -ESTALE;
    const refused = core.mayChange(entry);
    if (refused !== 0) return refused;
    const need = changes.size === 0 ? "attributes" : "all";
    const wait =
      core.waits.content(caller, node, need) ??
      core.waits.mode(caller, entry, markOf(core.nodes.type(node), changes.mode));
    if (wait !== undefined)
      return wait.then((code) => (code < 0 ? code : this.setattr(caller, node, changes, out)));
    const code = this.change(caller, node, changes);
    return code < 0 ? code : this.getattr(node, out);
  }

  private change(caller: Caller, node: number, changes: Changes): number {
    const { core } = this;
    let code = 0;
    if (changes.size === undefined && !hasAttributes(changes)) return this.clearPrivileges(caller, node);
    if (changes.size !== undefined) code = this.truncate(caller, node, changes.size, changes);
    core.identity.restore();
    if (code < 0 || !hasAttributes(changes)) return code;
    return core.withNode(node, (fd, open) => {
      let step = 0;
      const { uid, gid, mode } = changes;
      if (uid !== undefined || gid !== undefined) {
        core.identity.actInGroups(caller);
        step = chownAt(fd, "", uid ?? -1, gid ?? -1);
        core.identity.restore();
      }
      if (step === 0 && mode !== undefined) {
        const bits = mode & 0o7777;
        step = open ? chmodFd(fd, bits) : chmodPath(fdPath(fd), bits);
      }
      if (step === 0 && (changes.atime !== undefined || changes.mtime !== undefined)) {
        const atimeNs = changes.atime === undefined ? UTIME_OMIT : changes.atimeNs;
        const mtimeNs = changes.mtime === undefined ? UTIME_OMIT : changes.mtimeNs;
        const times = [changes.atime ?? 0, atimeNs, changes.mtime ?? 0, mtimeNs] as const;
        step = open ? utimesFd(fd, ...times) : utimesPath(fdPath(fd), ...times);
      }
      return step;
    });
  }

  /**
   * A SETATTR that names nothing: chown(2) with -1 for both ids, or what precedes a write of any kind (write,
   * fallocate, copy_file_range) by somebody who may not keep suid, sgid and file capabilities. The kernel does not say
   * which of the two it is, but only the first is left to the owner.
   */
  private clearPrivileges(caller: Caller, node: number): number {
    const { core } = this;
    const precedesWrite = core.handles.hasWriter(node);
    // Root keeps suid and sgid when it writes; capabilities are removed by a REMOVEXATTR of their own.
    if (precedesWrite && caller.uid === 0) return 0;
    core.identity.actInGroups(caller);
    if (!precedesWrite) core.identity.disown(caller);
    const code = core.withNode(node, (fd) => chownAt(fd, "", -1, -1));
    core.identity.restore();
    return code;
  }

  private truncate(caller: Caller, node: number, size: number, changes: Changes): number {
    const { core } = this;
    core.actForWrite(caller, node, changes.killPrivileges);
    const handle = changes.handle === undefined ? undefined : core.handles.get(node, changes.handle);
    if (handle?.writable) return truncateFd(handle.fd, size);
    if (core.nodes.type(node) !== S_IFREG) return -ESTALE;
    const fd = core.openNode(node, O_WRONLY | O_NONBLOCK);
    if (fd < 0) return fd;
    const code = truncateFd(fd, size);
    close(fd);
    return code;
  }
}

/** @returns a mode that says "not copied", or undefined for any other */
function markOf(type: number, mode: number | undefined): number | undefined {
  return mode !== undefined && isUncopied({ mode: type | (mode & 0o7777) }) ? mode : undefined;
}

function hasAttributes(c: Changes): boolean {
  return (
    c.uid !== undefined ||
    c.gid !== undefined ||
    c.mode !== undefined ||
    c.atime !== undefined ||
    c.mtime !== undefined
  );
}
