import type { PortHost } from "../base/port-host.js";
import type { FileSystem } from "../fuse/filesystem.js";
import type { CopyAhead } from "../store/pending.js";
import type { Info, Snapshotter, StoreReader } from "../store/types.js";
import { ControlTree } from "./control/control-tree.js";
import type { IoPool } from "./entry/core.js";
import { EntryTree } from "./entry/entry-tree.js";
import { Router } from "./router.js";

/** What the mounted tree is made of, and what was asked for at mount. */
export interface TreeOptions {
  readonly store: Snapshotter & CopyAhead;
  readonly reader: StoreReader;
  readonly pool: IoPool;
  readonly host: PortHost;
  /** Let the kernel read and write native files itself where it can. */
  readonly passthrough: boolean;
  /** mkdir waits for the copy (`-o prepare=sync`). */
  readonly prepareSync: boolean;
  readonly readOnly: boolean;
  /** Owner of the control directories. */
  readonly uid: number;
  readonly gid: number;
}

/** The mounted namespace. */
export interface Tree extends FileSystem {
  /** To be called after every change of the store that the tree did not ask for itself. */
  onStoreChange(change: { id: number; info: Info | undefined }): void;
}

/** Builds the tree; it belongs to the thread that runs its session, whose credentials it changes. */
export function createTree(options: TreeOptions): Tree {
  const entries = new EntryTree(options);
  const control = new ControlTree({
    store: options.store,
    reader: options.reader,
    entries,
    owner: { uid: options.uid, gid: options.gid },
    prepareSync: options.prepareSync,
    readOnly: options.readOnly,
  });
  return Object.assign(new Router(control, entries), {
    onStoreChange(change: { id: number; info: Info | undefined }): void {
      if (change.info === undefined) entries.forgetEntry(change.id);
      else entries.refresh(change.info);
    },
  });
}
