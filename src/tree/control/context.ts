import type { RawName } from "../../base/bytes.js";
import type { DirSink, SessionControl } from "../../fuse/filesystem.js";
import type { Info, Kind, Snapshotter, StoreReader } from "../../store/types.js";
import { DT_DIR } from "../../sys/constants.js";
import { ENOENT } from "../../sys/errno.js";
import type { Entries } from "../entries.js";
import { Clock } from "./clock.js";
import { Handles } from "./handles.js";
import { LabelNodes } from "./label-nodes.js";
import { LabelTexts } from "./label-texts.js";
import { Moves } from "./moves.js";
import { encodeKey } from "./names.js";
import { inoOf, KIND_DIRECTORY, KIND_NODES } from "./node-ids.js";
import { Resolver } from "./resolver.js";

/** What the control directories are made of. */
export interface ControlOptions {
  readonly store: Snapshotter;
  readonly reader: StoreReader;
  readonly entries: Entries;
  /** Who owns the control directories, and their permission bits, unless that was changed. */
  readonly access: Access;
  /** mkdir waits for the copy (`-o prepare=sync`). */
  readonly prepareSync: boolean;
  readonly readOnly: boolean;
  /** Milliseconds since the epoch; default Date.now. */
  readonly now?: () => number;
}

/** Permission bits and owner of a control directory. */
export interface Access {
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
}

const PAGE = 128;

/** What all control nodes share. */
export class Context {
  readonly clock: Clock;
  readonly moves = new Moves();
  readonly handles = new Handles();
  readonly resolver: Resolver;
  readonly labelNodes = new LabelNodes();
  readonly labelTexts: LabelTexts;
  session: SessionControl | undefined;

  constructor(readonly options: ControlOptions) {
    this.clock = new Clock(options.now ?? Date.now);
    this.resolver = new Resolver(options.reader);
    this.labelTexts = new LabelTexts(options.reader, options.store);
  }

  get store(): Snapshotter {
    return this.options.store;
  }
  get reader(): StoreReader {
    return this.options.reader;
  }
  get entries(): Entries {
    return this.options.entries;
  }

  /** Who may do what in a directory of snapshots, as chmod and chown left it. */
  access(kind: Kind): Access {
    const setting = this.reader.getSetting(settingName(kind));
    if (setting === undefined) return this.options.access;
    const [mode, uid, gid] = setting.split(" ");
    return { mode: Number.parseInt(mode!, 8) & 0o7777, uid: Number(uid), gid: Number(gid) };
  }

  async setAccess(kind: Kind, access: Access): Promise<void> {
    const { mode, uid, gid } = access;
    await this.store.setSetting(settingName(kind), `${mode.toString(8).padStart(4, "0")} ${uid} ${gid}`);
  }

  /** Tells everybody of a new snapshot. */
  made(info: Info): void {
    this.clock.changed(info.kind);
    if (info.parentId !== undefined) this.clock.snapshotChanged(info.parentId);
  }

  /** Tells everybody that a snapshot has another kind, key or parent than `before`. */
  moved(before: Info, after: Info): void {
    this.moves.left(before.id, before.kind, before.key);
    this.entries.refresh(after);
    this.clock.changed(before.kind, after.kind);
    if (before.parentId !== undefined) this.clock.snapshotChanged(before.parentId);
  }

  /** Tells everybody that a snapshot has gone. */
  gone(info: Info): void {
    this.moves.left(info.id, info.kind, info.key);
    this.entries.forgetEntry(info.id);
    this.clock.changed(info.kind);
    this.clock.snapshotGone(info.id);
    this.labelTexts.forget(info.id);
    if (info.parentId !== undefined) this.clock.snapshotChanged(info.parentId);
  }

  /** Lets the kernel forget the name of a snapshot that went by another way than by that name. */
  async expire(info: Info): Promise<void> {
    this.session?.invalidateInode(KIND_NODES[info.kind], -1, 0);
    await this.session?.expireEntry(KIND_NODES[info.kind], encodeKey(info.key));
  }

  /**
   * Lists the snapshots of a kind in the order of their keys, from a cookie on.
   * @param slot the node that stands for a snapshot in this listing
   * @returns 0 or -errno
   */
  list(kind: Kind, node: number, offset: bigint, sink: DirSink, slot: (id: number) => number): number {
    const start = dots(node, offset, sink);
    if (start === undefined) return 0;
    let after: string | undefined;
    if (start > 2n) {
      after = this.resumeKey(kind, start);
      if (after === undefined) return -ENOENT;
    }
    for (;;) {
      const page = this.reader.list(kind, after, PAGE);
      for (const info of page) {
        const name = encodeKey(info.key);
        if (!sink.add(name, inoOf(slot(info.id)), DT_DIR, this.moves.cookie(info.id))) return 0;
      }
      if (page.length < PAGE) return 0;
      after = page.at(-1)!.key;
    }
  }

  private resumeKey(kind: Kind, cookie: bigint): string | undefined {
    const { id, left } = this.moves.resume(cookie);
    // A cookie that was never handed out.
    if (id < 1) return undefined;
    if (left !== undefined) return left.kind === kind ? left.key : undefined;
    const info = this.reader.getById(id);
    return info?.kind === kind ? info.key : undefined;
  }
}

/** Puts `.` and `..` where offset asks for them. @returns where to go on, or undefined when the reply is full */
export function dots(node: number, offset: bigint, sink: DirSink): bigint | undefined {
  if (offset === 0n && !sink.add("." as RawName, inoOf(node), DT_DIR, 1n)) return undefined;
  if (offset <= 1n && !sink.add(".." as RawName, 1, DT_DIR, 2n)) return undefined;
  return offset < 2n ? 2n : offset;
}

function settingName(kind: Kind): string {
  return `directory.${KIND_DIRECTORY[kind]}`;
}
