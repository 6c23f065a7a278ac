import { Arena } from "../../native-tests/support/arena.js";
import { modelRun } from "../../native-tests/support/model.js";
import type { Verdict } from "./verdicts.js";

const PROCESSES = 8;

/** Runs the model for so many seconds. */
export async function measureModel(seconds: number): Promise<Verdict> {
  const claim = `${PROCESSES} processes find and leave what the model says`;
  const arena = new Arena();
  try {
    const counts = await modelRun(arena, PROCESSES, seconds, Date.now() % 1_000_000);
    const measured = Object.entries(counts).map(([name, count]) => `${count} ${name}`);
    return { claim, measured: `${seconds} s: ${measured.join(", ")}`, holds: true };
  } catch (error) {
    return { claim, measured: error instanceof Error ? error.message : String(error), holds: false };
  } finally {
    arena.close();
  }
}
