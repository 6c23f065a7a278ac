import type { Store } from "../../src/store/store.js";

/** An operation in the middle of which the process is killed. The store holds what `makeTemplate` has made. */
export interface Operation {
  /** Does it, and waits for what follows in the background. @param acknowledged to be called when a caller would know of it */
  run(store: Store, acknowledged: () => void): Promise<void>;
  /** What it takes away. Of this and of `after` exactly one is there when it was killed, and `after` once acknowledged. */
  readonly before: readonly string[];
  /** What it makes: `PATH=PATH` names the snapshot of the template that it looks like; nothing after `=` for an empty one. */
  readonly after: readonly string[];
  /** What may be there on the way. */
  readonly between?: readonly string[];
}

/** What the template holds, by path; the trees of `base`, `active/work` and `old` differ. */
export const TEMPLATE = ["committed/base", "committed/old", "active/work", "active/rubbish", "views/look"];

export const OPERATIONS: Readonly<Record<string, Operation>> = {
  prepare: {
    before: [],
    after: ["active/new=committed/base"],
    async run(store, acknowledged) {
      const { id } = await store.prepare("new", "base");
      acknowledged();
      await store.whenCopied(id);
    },
  },
  "prepare without a parent": {
    before: [],
    after: ["active/new="],
    async run(store, acknowledged) {
      await store.prepare("new", undefined);
      acknowledged();
    },
  },
  "prepare that waits for its copy": {
    before: [],
    after: ["active/new=committed/base"],
    async run(store, acknowledged) {
      await store.prepare("new", "base", { sync: true });
      acknowledged();
    },
  },
  view: {
    before: [],
    after: ["views/new=committed/base"],
    async run(store, acknowledged) {
      await store.view("new", "base");
      acknowledged();
    },
  },
  commit: {
    before: ["active/work"],
    after: ["committed/next=active/work"],
    async run(store, acknowledged) {
      const { id } = await store.commit("next", "work");
      acknowledged();
      await store.whenDurable(id);
    },
  },
  "rename of a parent": {
    before: ["committed/base"],
    after: ["committed/renamed=committed/base"],
    async run(store, acknowledged) {
      await store.rename({ kind: "committed", key: "base" }, "renamed");
      acknowledged();
    },
  },
  label: {
    before: [],
    after: [],
    async run(store, acknowledged) {
      await store.update({ kind: "committed", key: "base" }, { a: "1", b: "2" });
      acknowledged();
    },
  },
  "removal of a committed one": {
    before: ["committed/old"],
    after: [],
    async run(store, acknowledged) {
      await store.remove({ kind: "committed", key: "old" });
      acknowledged();
      await store.cleanup();
    },
  },
  "removal of an active one": {
    before: ["active/rubbish"],
    after: [],
    async run(store, acknowledged) {
      await store.remove({ kind: "active", key: "rubbish" });
      acknowledged();
      await store.cleanup();
    },
  },
  "removal of a copy that is under way": {
    before: [],
    between: ["active/new=committed/base"],
    after: [],
    async run(store, acknowledged) {
      const { kind, key } = await store.prepare("new", "base");
      await store.remove({ kind, key });
      acknowledged();
      await store.cleanup();
    },
  },
  "commit of a copy that is under way, and a child of that": {
    before: [],
    between: ["active/new=committed/base"],
    after: ["committed/next=committed/base", "active/child=committed/base"],
    async run(store, acknowledged) {
      await store.prepare("new", "base");
      const { id } = await store.commit("next", "new");
      const child = await store.prepare("child", "next");
      acknowledged();
      await store.whenDurable(id);
      await store.whenCopied(child.id);
    },
  },
};
