import { Failure } from "../daemon/failure.js";
import { compileFilters } from "../store/filter.js";
import type { Kind } from "../store/types.js";
import { KIND_DIRECTORY, KINDS } from "../tree/control/node-ids.js";
import { keyOfName } from "./ref.js";
import type { Snapshot } from "./snapshot.js";

/** For `--help` of commands that take filters. */
export const FILTER_HELP = `
Filters are those of containerd: fields name, parent, kind and labels.KEY, operators == != ~=, selectors joined by
commas, which must all match; of several filters, one must.
  --filter 'kind==committed,labels.env!=test' --filter 'name~=^web-'`;

/**
 * @param kinds names of kinds; undefined: all
 * @param filters in containerd's syntax
 * @returns whether a snapshot is meant
 * @throws Failure or StoreError for what is not understood
 */
export function selection(
  kinds: readonly string[] | undefined,
  filters: readonly string[] | undefined,
): (snapshot: Snapshot) => boolean {
  const wanted = kinds?.map(kindNamed);
  const matches = compileFilters(filters ?? []);
  return (snapshot) => {
    if (wanted?.includes(snapshot.kind) === false) return false;
    const { kind, key, parent, labels } = snapshot;
    return matches({ kind, key, parent: parent && keyOfName(parent.name), labels });
  };
}

function kindNamed(name: string): Kind {
  const kind = KINDS.find((candidate) => candidate === name || KIND_DIRECTORY[candidate] === name);
  if (kind === undefined)
    throw new Failure("usage", `there is no kind ${JSON.stringify(name)}: say active, committed or views`);
  return kind;
}
