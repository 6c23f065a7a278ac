import { EventLoopHost } from "../base/port-host.js";
import type { MountOptions as FuseMount } from "../fuse/mount.js";
import { NativeMount } from "../fuse/native/native-mount.js";
import type { Store } from "../store/store.js";
import { BlockingPool } from "../sys/pool.js";
import { createTree } from "../tree/tree.js";
import type { MountOptions } from "./request.js";
import type { Session } from "./session.js";
import { treeOptions } from "./tree-options.js";

/** A mount by fuse-native, which calls back in the main thread: so the tree is here, beside the store. */
export class NativeSession implements Session {
  readonly started: Promise<void>;
  readonly ended: Promise<void>;
  private readonly mount: NativeMount;

  /** @throws MountError */
  constructor(store: Store, how: FuseMount, options: MountOptions) {
    const pool = new BlockingPool(new EventLoopHost());
    const tree = createTree({
      store,
      reader: store.reader,
      pool,
      ...treeOptions(options),
      passthrough: false,
      // The driver has no way to take anything back from the kernel, which keeps nothing by it.
      watch: false,
    });
    this.mount = new NativeMount(tree, how);
    store.onChange((change) => tree.onStoreChange(change));
    this.started = this.mount.started;
    this.ended = this.mount.ended.then(() => pool.close());
  }

  stop(): void {
    this.mount.stop();
  }
}
