import { OPERATIONS } from "../../native-tests/support/crash-operations.js";
import { CrashRuns } from "../../native-tests/support/crash-runs.js";
import type { Verdict } from "./verdicts.js";

/** In each snapshot. */
const FILES = 3;

/** Kills the process at every step of every operation. */
export async function measureCrashes(): Promise<Verdict[]> {
  const runs = await CrashRuns.make(FILES);
  const verdicts: Verdict[] = [];
  try {
    for (const name of Object.keys(OPERATIONS)) {
      const claim = `killed at every step of: ${name}`;
      try {
        const kills = await runs.killAtSteps(name, 1);
        verdicts.push({ claim, measured: `${kills} times, intact, clean, nothing leaked`, holds: true });
      } catch (error) {
        const measured = error instanceof Error ? error.message : String(error);
        verdicts.push({ claim, measured, holds: false });
      }
      console.error(verdicts.at(-1)?.claim, verdicts.at(-1)?.measured);
    }
    return verdicts;
  } finally {
    runs.close();
  }
}
