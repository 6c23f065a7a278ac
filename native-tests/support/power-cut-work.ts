import assert from "node:assert/strict";
import { type FileHandle, mkdir, open, readdir, rename, rm, rmdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { createCopyEngine } from "../../src/store/copy/engine.js";
import { inspectStore } from "../../src/store/inspection.js";
import { openStore } from "../../src/store/store.js";
import type { Remains } from "./power-cut.js";
import { treeLines } from "./tree-lines.js";

/** What is known of a name in committed/. */
interface Commit {
  readonly lines: readonly string[];
  /** When mv was asked for; when fsync(2) of the entry had returned; when rmdir was asked for, and had returned. */
  asked: number;
  durable: number;
  removing: number;
}

/** The names that the active ones had, to which a commit may return. */
export interface Verdict {
  /** Commits that the cut has taken back. */
  readonly takenBack: number;
  readonly committed: number;
  readonly adopted: number;
}

/** A workload on a mount, which remembers what it may count on. */
export class Workload {
  readonly #commits = new Map<string, Commit>();
  #clock = 0;
  #next = 0;
  #isStopped = false;

  /** @param mount a mountpoint; @param random 0..1 */
  constructor(
    private readonly mount: string,
    private readonly random: () => number,
  ) {}

  /** The present instant: what comes later has a greater number. */
  now(): number {
    return ++this.#clock;
  }

  stop(): void {
    this.#isStopped = true;
  }

  /** Prepares, writes, commits, fsyncs, removes, until it is stopped. */
  async run(): Promise<void> {
    while (!this.#isStopped) {
      await this.#round();
      await new Promise((resolve) => setTimeout(resolve, 5 * this.random()));
    }
  }

  async #round(): Promise<void> {
    const number = ++this.#next;
    const live = [...this.#commits].filter(([, { removing }]) => removing === 0).map(([name]) => name);
    const parent = live[Math.floor(this.random() * live.length)];
    const isChild = parent !== undefined && this.random() < 0.6;
    const active = join(this.mount, "active", `a${number}`);
    await mkdir(isChild ? `${active}@${parent}` : active);
    await this.#write(active, number);
    // Now and then it is committed while its copy is under way, so that what it will be is known from reading it.
    const commit: Commit = { lines: treeLines(active), asked: this.now(), durable: 0, removing: 0 };
    const name = `c${number}`;
    this.#commits.set(name, commit);
    await rename(active, join(this.mount, "committed", name));
    if (this.random() < 0.5) {
      await fsyncDirectory(join(this.mount, "committed", name));
      commit.durable = this.now();
    }
    if (live.length > 6) await this.#remove();
  }

  async #write(active: string, number: number): Promise<void> {
    const directory = join(active, `d${number}`);
    await mkdir(directory);
    const files = 1 + Math.floor(this.random() * 8);
    for (let i = 0; i < files; i++) {
      const size = Math.floor(this.random() * 60_000);
      await writeFile(join(directory, `f${i}`), Buffer.alloc(size, `${number}.${i} `));
    }
    if (this.random() < 0.3) await rm(directory, { recursive: true });
  }

  async #remove(): Promise<void> {
    for (const [name, commit] of this.#commits) {
      if (commit.removing !== 0 || this.random() < 0.5) continue;
      commit.removing = this.now();
      try {
        await rmdir(join(this.mount, "committed", name));
        return;
      } catch (error) {
        // Something was made from it.
        assert.equal((error as NodeJS.ErrnoException).code, "EBUSY");
        commit.removing = 0;
      }
    }
  }

  /**
   * Opens what a cut has left, and checks the promises.
   * @param before, after instants around the cut
   */
  async verify(remains: Remains, store: string, before: number, after: number): Promise<Verdict> {
    remains.mount();
    try {
      return await this.#verify(join(remains.path, store), before, after);
    } finally {
      remains.dispose();
    }
  }

  async #verify(directory: string, before: number, after: number): Promise<Verdict> {
    const opened = await openStore(directory, { engine: createCopyEngine() });
    const committed = new Map<string, readonly string[]>();
    const actives: string[] = [];
    try {
      for (const { id, key } of opened.reader.list("committed", undefined, 10_000)) {
        await opened.whenCopied(id);
        await opened.whenDurable(id);
        committed.set(key, treeLines(join(directory, "snapshots", String(id))));
      }
      for (const { key } of opened.reader.list("active", undefined, 10_000)) actives.push(key);
      await opened.cleanup();
    } finally {
      await opened.close();
    }
    for (const [name, lines] of committed) {
      const commit = this.#commits.get(name);
      assert.ok(commit !== undefined && commit.asked <= after, `committed/${name} is known`);
      assert.deepEqual(lines, commit.lines, `committed/${name} is what was committed`);
    }
    for (const [name, commit] of this.#commits) {
      const isSafe = commit.durable > 0 && commit.durable <= before;
      const isKept = commit.removing === 0 || commit.removing > after;
      if (isSafe && isKept) assert.ok(committed.has(name), `committed/${name} was on the disk and is there`);
    }
    const { findings } = await inspectStore(directory, { repair: false, engine: createCopyEngine() });
    assert.deepEqual(findings, []);
    const names = await readdir(join(directory, "snapshots"));
    assert.deepEqual(
      names.filter((name) => !/^\d+$/.test(name)),
      [],
    );
    const takenBack = opened.recovered.filter((message) => message.includes("had not reached the disk when"));
    for (const message of takenBack) {
      const key = /active\/(a\d+~*) again/.exec(message)?.[1];
      assert.ok(key !== undefined && actives.includes(key), message);
    }
    const adopted = actives.filter((key) => key.startsWith("recovered-")).length;
    return { takenBack: takenBack.length, committed: committed.size, adopted };
  }
}

async function fsyncDirectory(path: string): Promise<void> {
  let handle: FileHandle | undefined;
  try {
    handle = await open(path, "r");
    await handle.sync();
  } finally {
    await handle?.close();
  }
}
