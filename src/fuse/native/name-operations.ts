import { setTimeout as sleep } from "node:timers/promises";
import type { RawName } from "../../base/bytes.js";
import { EBUSY, ENOTEMPTY } from "../../sys/errno.js";
import type { NodeId } from "../filesystem.js";
import type { Context } from "./context.js";
import { hiddenName } from "./hidden.js";
import { entrySlot } from "./paths.js";
import type { Request } from "./request.js";
import * as from from "./request.js";

/** RELEASE follows close(2) on its own, so that what seems busy may be free in a moment: so often and long it is asked again. */
const BUSY_TRIES = 10;
const BUSY_MS = 20;

/** Callbacks that make, move and remove names. */
export class NameOperations {
  constructor(private readonly context: Context) {}

  async make(
    path: RawName,
    work: (parent: NodeId, name: RawName, out: ReturnType<typeof entrySlot>) => number | Promise<number>,
  ): Promise<number> {
    const out = entrySlot();
    return await this.context.paths.below(path, async (parent, name) => {
      const code = await work(parent, name, out);
      if (code < 0) return code;
      this.context.paths.put(out.node);
      this.context.paths.changed(parent, name);
      return 0;
    });
  }

  async hardLink(request: Request): Promise<number> {
    const path = from.destinationOf(request);
    return await this.context.at(from.pathOf(request), (node) =>
      this.make(path, (parent, name, out) =>
        this.context.fs.link(this.context.caller, node, parent, name, out),
      ),
    );
  }

  async unlink(request: Request): Promise<number> {
    const path = from.pathOf(request);
    const hidden = this.context.hidden.take(path);
    if (hidden !== undefined) {
      this.context.paths.put(hidden);
      return 0;
    }
    return await this.context.paths.below(path, (parent, name) =>
      this.context.fs.unlink(this.context.caller, parent, name),
    );
  }

  async rmdir(request: Request): Promise<number> {
    const path = from.pathOf(request);
    if (this.context.files.anyBelow(path) && (await this.isEmpty(path))) return -EBUSY;
    return await this.patiently(() =>
      this.context.paths.below(path, async (parent, name) => {
        const code = await this.context.fs.rmdir(this.context.caller, parent, name);
        if (code >= 0) this.forgetName(path, parent, name);
        return code;
      }),
    );
  }

  private async isEmpty(path: RawName): Promise<boolean> {
    const names: RawName[] = [];
    const sink = {
      plus: false,
      fits: () => true,
      add: (name: RawName) => names.push(name) > 0,
      addPlus: () => false,
    };
    const code = await this.context.at(path, (node) =>
      this.context.fs.readdir(this.context.caller, node, 0n, sink),
    );
    return code >= 0 && names.every((name) => name === "." || name === "..");
  }

  async rename(request: Request): Promise<number> {
    const [path, to] = [from.pathOf(request), from.destinationOf(request)];
    if (hiddenName(to) !== undefined) {
      const code = await this.hide(path, to);
      if (code !== undefined) return code;
    }
    if (this.context.files.anyBelow(to)) return -ENOTEMPTY;
    const code = await this.patiently(() => this.renameOnce(path, to));
    if (code >= 0) this.context.files.moved(path, to);
    return code;
  }

  private async renameOnce(path: RawName, to: RawName): Promise<number> {
    return await this.context.paths.below(path, (parent, name) =>
      this.context.paths.below(to, async (toParent, toName) => {
        const code = await this.context.fs.rename(this.context.caller, parent, name, toParent, toName, 0);
        if (code < 0) return code;
        this.forgetName(path, parent, name);
        this.forgetName(to, toParent, toName);
        return code;
      }),
    );
  }

  /** Directly below the root's directories a name may stand for others as well. */
  private forgetName(path: RawName, parent: NodeId, name: RawName): void {
    if (path.split("/").length <= 3) this.context.paths.clear();
    else this.context.paths.changed(parent, name);
  }

  /**
   * What libfuse does to an open file that is removed or replaced: see HiddenFiles.
   * @returns its answer, or undefined when it is a user who gives that name
   */
  private async hide(path: RawName, to: RawName): Promise<number | undefined> {
    const node = await this.context.paths.resolve(path);
    if (node < 0) return node;
    const code = this.context.files.isOpen(node)
      ? await this.context.paths.below(path, (parent, name) =>
          this.context.fs.unlink(this.context.caller, parent, name),
        )
      : undefined;
    if (code === undefined || code < 0) {
      this.context.paths.put(node);
      return code;
    }
    this.context.hidden.add(hiddenName(to)!, node);
    this.context.files.moved(path, to);
    return code;
  }

  /** Asks again when something is busy that may be closed already. */
  private async patiently(work: () => Promise<number>): Promise<number> {
    let code = await work();
    for (let left = BUSY_TRIES; code === -EBUSY && left > 0 && this.context.files.count > 0; left--) {
      await sleep(BUSY_MS);
      code = await work();
    }
    return code;
  }
}
