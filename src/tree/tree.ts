import type { Attention, FileSystem } from "../fuse/filesystem.js";
import type { CopyAhead } from "../store/pending.js";
import type { Info, Snapshotter, StoreReader } from "../store/types.js";
import type { Access } from "./control/context.js";
import { ControlTree } from "./control/control-tree.js";
import type { IoPool } from "./entry/core.js";
import { EntryTree, type TreeCounts } from "./entry/entry-tree.js";
import { Router } from "./router.js";

/** What the mounted tree is made of, and what was asked for at mount. */
export interface TreeOptions {
  readonly store: Snapshotter & CopyAhead;
  readonly reader: StoreReader;
  readonly pool: IoPool;
  /** Let the kernel read and write native files itself where it can. */
  readonly passthrough: boolean;
  /** For how long the kernel may keep names and attributes in active/, in ms. */
  readonly cacheTimeout: number;
  /** Keep what is asked for again and again for longer, and watch it. */
  readonly watch: boolean;
  /** mkdir waits for the copy (`-o prepare=sync`). */
  readonly prepareSync: boolean;
  readonly readOnly: boolean;
  /** Owner and permission bits of the control directories, unless that was changed on the mount. */
  readonly access: Access;
}

/** The mounted namespace. */
export interface Tree extends FileSystem {
  /** To be called after every change of the store, also those that the tree asked for itself. */
  onStoreChange(change: { readonly id: number; readonly info: Info | undefined }): void;
  counts(): TreeCounts;
  /** For the session to wait for. */
  readonly attention: Attention;
}

/** Builds the tree; it belongs to the thread that runs its session, whose credentials it changes. */
export function createTree(options: TreeOptions): Tree {
  const { store, reader, prepareSync, readOnly, access } = options;
  const entries = new EntryTree(options);
  const control = new ControlTree({ store, reader, entries, access, prepareSync, readOnly });
  return Object.assign(new Router(control, entries), {
    counts: () => entries.counts(),
    attention: entries.attention,
    onStoreChange(change: { readonly id: number; readonly info: Info | undefined }): void {
      control.onStoreChange(change);
      if (change.info === undefined) entries.forgetEntry(change.id);
      else entries.refresh(change.info);
    },
  });
}
