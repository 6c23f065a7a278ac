import { O_CREAT, O_EXCL, O_NOCTTY } from "../../sys/constants.js";
import { EBADF } from "../../sys/errno.js";
import type { IoArea, Opened } from "../filesystem.js";
import { setAttributes } from "./attribute-operations.js";
import type { Context } from "./context.js";
import { entrySlot } from "./paths.js";
import type { Request } from "./request.js";
import * as from from "./request.js";

/** Callbacks on open files. */
export class FileOperations {
  constructor(private readonly context: Context) {}

  async open(request: Request): Promise<number> {
    const path = from.pathOf(request);
    const hidden = this.context.hidden.find(path);
    const node = hidden ?? (await this.context.paths.resolve(path));
    if (node < 0) return node;
    const counted = hidden === undefined;
    const opened: Opened = { handle: 0, flags: 0, backingId: 0 };
    const flags = from.fileInfoOf(request).flags & ~(O_CREAT | O_EXCL | O_NOCTTY);
    const code = await this.context.fs.open(this.context.caller, node, flags, false, opened);
    if (code < 0) {
      if (counted) this.context.paths.put(node);
      return code;
    }
    from.putOpened(
      request,
      this.context.files.add({ node, counted, handle: opened.handle, path }),
      opened.flags,
    );
    return 0;
  }

  async create(request: Request): Promise<number> {
    const path = from.pathOf(request);
    const flags = from.fileInfoOf(request).flags & ~(O_CREAT | O_NOCTTY);
    const out = entrySlot();
    const opened: Opened = { handle: 0, flags: 0, backingId: 0 };
    const code = await this.context.paths.below(path, (parent, name) =>
      this.context.fs.create(
        this.context.caller,
        parent,
        name,
        flags,
        this.context.modeOfNew(from.modeOf(request)),
        false,
        out,
        opened,
      ),
    );
    if (code < 0) return code;
    const number = this.context.files.add({ node: out.node, counted: true, handle: opened.handle, path });
    from.putOpened(request, number, opened.flags);
    return 0;
  }

  fileOf(request: Request) {
    return this.context.files.get(from.fileInfoOf(request).handle);
  }

  async transfer(request: Request, data: Buffer, reads: boolean): Promise<number> {
    const file = this.fileOf(request);
    if (file === undefined) return -EBADF;
    const [size, offset] = [from.lengthOf(request), from.offsetOf(request)];
    const area: IoArea = { address: from.dataAddressOf(request), buffer: data };
    const { node, handle } = file;
    return reads
      ? await this.context.fs.read(this.context.caller, node, handle, offset, size, 0, area)
      : await this.context.fs.write(this.context.caller, node, handle, offset, area, size, 0, false);
  }

  async release(request: Request): Promise<number> {
    const file = this.context.files.remove(from.fileInfoOf(request).handle);
    if (file === undefined) return -EBADF;
    this.context.fs.release(file.node, file.handle);
    if (file.counted) this.context.paths.put(file.node);
    return 0;
  }

  async ftruncate(request: Request): Promise<number> {
    const file = this.fileOf(request);
    if (file === undefined) return -EBADF;
    return await setAttributes(this.context, file.node, {
      size: from.offsetOf(request),
      handle: file.handle,
    });
  }
}
