import { DEFAULT_CACHE_TIMEOUT } from "../tree/entry/answers.js";
import type { TreeOptions } from "../tree/tree.js";
import type { MountOptions } from "./request.js";

/** @returns what a mount's options mean for its tree */
export function treeOptions(
  options: MountOptions,
): Pick<TreeOptions, "passthrough" | "cacheTimeout" | "watch" | "prepareSync" | "readOnly" | "access"> {
  return {
    passthrough: options.passthrough,
    cacheTimeout: options.cacheTimeout ?? DEFAULT_CACHE_TIMEOUT,
    // Who says for how long gets that, neither more nor less.
    watch: options.cacheTimeout === undefined,
    prepareSync: options.prepareSync,
    readOnly: options.readOnly,
    access: {
      uid: options.uid ?? process.geteuid!(),
      gid: options.gid ?? process.getegid!(),
      mode: 0o777 & ~(options.umask ?? 0o022),
    },
  };
}
