import type { RawName } from "../../base/bytes.js";
import type { Stat } from "../../sys/stat.js";

/** What is known of an entry whose file has several names. */
export interface Met {
  /** Whether it is linked, in both trees, with the same first one of the names that are in both. */
  readonly sameNames: boolean;
  /** Whether both files are the same in all else, when that was found out by another name. */
  readonly known: boolean | undefined;
  /** To be told once it is found out. */
  remember(same: boolean): void;
}

/**
 * Compares which names lead to one file. A file's first name stands for all of them, so that linking and unlinking show
 * up at the names that they are about.
 */
export class LinkComparer {
  private readonly before = new Map<string, RawName>();
  private readonly after = new Map<string, RawName>();
  private readonly verdicts = new Map<string, boolean>();

  /**
   * To be called for each name that is in both trees, in order.
   * @returns undefined when neither file has another name
   */
  meet(before: Readonly<Stat>, after: Readonly<Stat>, path: RawName): Met | undefined {
    if (before.nlink < 2 && after.nlink < 2) return undefined;
    const was = firstName(this.before, before, path);
    const is = firstName(this.after, after, path);
    const pair = `${was}/${is}`;
    const { verdicts } = this;
    return {
      sameNames: was === is,
      known: verdicts.get(pair),
      remember: (same) => verdicts.set(pair, same),
    };
  }
}

function firstName(names: Map<string, RawName>, stat: Readonly<Stat>, path: RawName): RawName {
  if (stat.nlink < 2) return path;
  const inode = `${stat.dev}:${stat.ino}`;
  const first = names.get(inode);
  if (first === undefined) names.set(inode, path);
  return first ?? path;
}
