import type { Info } from "../../store/types.js";
import { timeOf } from "./clock.js";
import type { Context } from "./context.js";
import { ControlNode, type Shown } from "./node.js";

/** What is at and below info/KIND/NAME/. It belongs to whoever the snapshot's own directory belongs to. */
export abstract class InfoNode extends ControlNode {
  /** @param id of the node */
  constructor(
    context: Context,
    protected readonly info: Info,
    id: number,
  ) {
    super(context, id);
  }

  /** @param mode S_IF* and permission bits */
  protected shown(mode: number): Shown {
    const { context, info } = this;
    const { uid, gid } = context.entries.owner(info) ?? context.options.access;
    return { mode, uid, gid, mtime: context.clock.ofSnapshot(info), btime: timeOf(info.created) };
  }
}
