import { existsSync } from "node:fs";
import { ENOENT } from "../sys/errno.js";
import { Catalog } from "./catalog.js";
import { findProblems, type Problem, problemText } from "./check.js";
import type { CopyEngine } from "./copy/types.js";
import { fromSystem } from "./errors.js";
import { Layout } from "./layout.js";
import { StoreLock } from "./lock.js";
import type { Metadata } from "./metadata.js";
import { databasePath, openMetadata } from "./reader.js";
import { bootId } from "./recovery.js";
import { mend } from "./repair.js";
import { StoreError } from "./types.js";

export interface InspectionOptions {
  /** Mends what can be mended without losing data. */
  readonly repair: boolean;
  /** Counts the inodes of committed snapshots too, which reads all of them. */
  readonly engine?: Pick<CopyEngine, "usage">;
  readonly signal?: AbortSignal;
}

/** A contradiction in a store, for users. */
export interface Finding {
  readonly type: Problem["type"];
  readonly text: string;
  /** What was done about it; undefined when nothing was. */
  readonly mended: string | undefined;
}

/** What an inspection has seen. */
export interface Inspection {
  readonly snapshots: number;
  readonly findings: readonly Finding[];
}

/**
 * Checks a store that nobody else uses. Without `repair` it changes nothing, and starts nothing that was left to be done.
 * @param directory absolute path
 * @throws StoreError Busy while somebody has it
 */
export async function inspectStore(directory: string, options: InspectionOptions): Promise<Inspection> {
  if (!existsSync(databasePath(directory)))
    throw new StoreError("NotFound", ENOENT, `${directory} is no store: it has no metadata.mdb`);
  const lock = StoreLock.take(directory, true);
  try {
    const layout = new Layout(directory);
    try {
      const isTrusted = lock.takeOver({ boot: bootId(), mount: layout.mountId() });
      const metadata = openMetadata(directory, isTrusted);
      try {
        metadata.checkSchema(directory);
        return await inspect(metadata, layout, options);
      } finally {
        await metadata.close();
      }
    } finally {
      layout.close();
    }
  } catch (error) {
    throw fromSystem(error, `checking the store ${directory}`);
  } finally {
    lock.release();
  }
}

async function inspect(metadata: Metadata, layout: Layout, options: InspectionOptions): Promise<Inspection> {
  const problems = findProblems(metadata, layout);
  if (options.engine !== undefined)
    problems.push(...(await countedOtherwise(metadata, layout, options.engine, options.signal)));
  const catalog = new Catalog(metadata);
  const findings = problems.map((problem) => ({
    type: problem.type,
    text: problemText(problem),
    mended: options.repair ? mend(problem, metadata, catalog) : undefined,
  }));
  if (options.repair) await metadata.durable();
  return { snapshots: [...metadata.records()].length, findings };
}

async function countedOtherwise(
  metadata: Metadata,
  layout: Layout,
  engine: Pick<CopyEngine, "usage">,
  signal: AbortSignal | undefined,
): Promise<Problem[]> {
  const found: Problem[] = [];
  for (const [id, record] of [...metadata.records()]) {
    if (record.kind !== "committed" || record.usage === undefined || record.copy !== undefined) continue;
    const path = layout.path(id);
    // One that is missing is told of already.
    if (!layout.exists(path)) continue;
    const { inodes } = await engine.usage(path, signal);
    if (inodes !== record.usage.inodes) found.push({ type: "usage", id, record, inodes });
  }
  return found;
}
