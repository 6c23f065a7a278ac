import { type ChangeBatch, Comparisons } from "./compare/comparisons.js";
import { fromSystem, notFound } from "./errors.js";
import { type Info, refPath, type StoreReader } from "./types.js";

/** Lists of changes that somebody reads, by their numbers. */
export class ChangeLists {
  private readonly comparisons = new Comparisons();
  private readonly snapshots = new Map<number, Info>();

  constructor(private readonly reader: StoreReader) {}

  /**
   * @param info of the snapshot
   * @param before native directory of its parent, or undefined without one
   * @param after its own
   * @returns the number of the list
   */
  open(info: Info, before: string | undefined, after: string): number {
    const list = this.comparisons.open(before, after);
    this.snapshots.set(list, info);
    return list;
  }

  /** @throws StoreError NotFound when the snapshot has gone meanwhile */
  async next(list: number): Promise<ChangeBatch> {
    const info = this.snapshots.get(list);
    if (info === undefined) return { changes: [], isLast: true };
    try {
      const batch = await this.comparisons.read(list);
      // While it is being deleted, everything that is gone would seem to be a change.
      if (this.reader.getById(info.id) === undefined) throw notFound(info);
      return batch;
    } catch (error) {
      throw fromSystem(error, `comparing ${refPath(info)}`);
    }
  }

  close(list: number): void {
    if (this.snapshots.delete(list)) this.comparisons.close(list);
  }

  async end(): Promise<void> {
    this.snapshots.clear();
    await this.comparisons.end();
  }
}
