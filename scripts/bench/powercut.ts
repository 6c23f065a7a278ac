import { powerCuts } from "../../native-tests/support/power-cuts.js";
import type { Verdict } from "./verdicts.js";

const TYPES = ["ext4", "xfs"] as const;
/** So many cuts with one file system and one seed. */
const BATCH = 10;

/** Cuts the power so many times on each type of file system. @returns a verdict for each type */
export async function measurePowerCuts(cuts: number): Promise<Verdict[]> {
  const verdicts: Verdict[] = [];
  for (const type of TYPES) {
    let [done, takenBack, committed] = [0, 0, 0];
    let broken = "";
    for (let seed = 1; done < cuts && broken === ""; seed += 2) {
      try {
        for (const left of await powerCuts(type, Math.min(BATCH, cuts - done), seed)) {
          done++;
          takenBack += left.takenBack;
          committed += left.committed;
        }
      } catch (error) {
        broken = `; seed ${seed}: ${error instanceof Error ? error.message : String(error)}`;
      }
      console.error(`${type}: ${done} power cuts${broken}`);
    }
    verdicts.push({
      claim: `${type}: after each of ${cuts} power cuts committed snapshots are whole, check is clean, nothing is leaked`,
      holds: broken === "" && done === cuts,
      measured: `${done} cuts, ${committed} committed snapshots compared, ${takenBack} commits taken back${broken}`,
    });
  }
  return verdicts;
}
