import type { Catalog } from "./catalog.js";
import type { Problem } from "./check.js";
import type { Metadata, Work } from "./metadata.js";
import { CLEAN } from "./recovery.js";

/**
 * Mends what can be mended without losing anything that a snapshot holds: a directory that belongs to nobody becomes an
 * active snapshot, and a record whose directory has gone is taken out. Runs in a transaction of its own.
 * @returns what was done, in a few words, or undefined when that is left to the user
 */
export function mend(problem: Problem, metadata: Metadata, catalog: Catalog): string | undefined {
  return metadata.transaction(() => {
    // So that the next opening looks at all directories.
    metadata.setSetting(CLEAN, undefined);
    return mendOne(problem, metadata, catalog);
  });
}

function mendOne(problem: Problem, metadata: Metadata, catalog: Catalog): string | undefined {
  switch (problem.type) {
    case "unnamed":
      return `is called ${catalog.nameAgain(problem.id)} now`;
    case "stray name":
      metadata.dropName(problem.key);
      return "the name is taken out";
    case "no parent":
      catalog.orphan(problem.id);
      return "has no parent now";
    case "not linked":
      metadata.addChild(problem.parent, problem.id);
      return "linked";
    case "stray link":
      metadata.removeChild(problem.parent, problem.child);
      return "the link is taken out";
    case "no directory": {
      const info = metadata.info(problem.id);
      if (info === undefined) return undefined;
      catalog.forget(info);
      return "its record is taken out";
    }
    case "stray directory":
      return `is active/${catalog.adopt(problem.id)} now`;
    case "stray work":
    case "missing work":
      metadata.setWork(problem.id, dueWork(metadata, problem.id));
      return "noted anew";
    case "left behind":
      return "the next use of the store deletes it";
    case "id to be used again":
      metadata.useUp(problem.id);
      return "it is used up now";
    case "usage":
    case "unknown file":
      return undefined;
  }
}

/** @returns what a record says that is under way */
function dueWork(metadata: Metadata, id: number): Work {
  const record = metadata.get(id);
  if (record === undefined) return {};
  return {
    ...(record.copy?.state === "pending" && { copy: true }),
    ...(record.flush !== undefined && { flush: true }),
    ...(record.kind === "committed" && record.flush === undefined && !record.usage && { count: true }),
  };
}
