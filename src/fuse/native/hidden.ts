import type { RawName } from "../../base/bytes.js";
import type { NodeId } from "../filesystem.js";

/** What libfuse 2 calls a file that is removed or replaced while it is open: %08x of its node and of a counter. */
const NAME = /(?:^|\/)(\.fuse_hidden[0-9a-f]{16,})$/;

/** Whether a path has a name that libfuse makes up. @returns that name, or undefined */
export function hiddenName(path: RawName): string | undefined {
  return NAME.exec(path)?.[1];
}

/**
 * Files that libfuse believes to be renamed to `.fuse_hidden…` because they are open. In truth they have been unlinked, as
 * natively, and live on as nodes only: so nothing of it is ever on the disk, in a snapshot or in a listing. The names are
 * unique in a mount, whatever directory they are in.
 */
export class HiddenFiles {
  private readonly nodes = new Map<string, NodeId>();

  /** @param node counted; stays so until take() */
  add(name: string, node: NodeId): void {
    this.nodes.set(name, node);
  }

  find(path: RawName): NodeId | undefined {
    if (this.nodes.size === 0) return undefined;
    const name = hiddenName(path);
    return name === undefined ? undefined : this.nodes.get(name);
  }

  /** Its last user has gone. @returns its node */
  take(path: RawName): NodeId | undefined {
    const node = this.find(path);
    if (node !== undefined) this.nodes.delete(hiddenName(path)!);
    return node;
  }
}
