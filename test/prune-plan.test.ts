import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { parseDuration, planPrune } from "../src/cli/prune-plan.js";
import type { Snapshot } from "../src/cli/snapshot.js";

const DAY_MS = 86_400_000;
const NOW = Date.parse("2026-01-31T00:00:00.000Z");

/** A committed snapshot that was made so many days ago. */
function snapshot(name: string, days: number, more: Partial<Snapshot> = {}): Snapshot {
  const created = new Date(NOW - days * DAY_MS).toISOString();
  const rest = { id: 1, parent: undefined, updated: created, labels: {}, state: "ready", hold: undefined };
  return { kind: "committed", name, key: name, created, ...rest, ...more };
}

const child = (name: string, parent: string, days: number, more: Partial<Snapshot> = {}): Snapshot =>
  snapshot(name, days, { parent: { kind: "committed", name: parent }, ...more });

/** @returns names that are removed, in order, and why the others are kept */
function plan(
  snapshots: readonly Snapshot[],
  rules: Partial<Parameters<typeof planPrune>[2]>,
  isMeant: (snapshot: Snapshot) => boolean = ({ kind }) => kind === "committed",
): { readonly removed: string[]; readonly kept: Record<string, string> } {
  const verdicts = planPrune(snapshots, isMeant, { keepLabels: [], ...rules }, NOW);
  const kept = verdicts.filter((verdict) => verdict.kept !== undefined);
  return {
    removed: verdicts.filter((verdict) => verdict.kept === undefined).map((verdict) => verdict.snapshot.name),
    kept: Object.fromEntries(kept.map((verdict) => [verdict.snapshot.name, verdict.kept ?? ""])),
  };
}

describe("pruning", () => {
  const five = [1, 2, 3, 4, 5].map((days) => snapshot(`d${days}`, days));

  it("keeps the newest", () => {
    const { removed, kept } = plan(five, { keepLast: 2 });
    assert.deepEqual(removed, ["d3", "d4", "d5"]);
    assert.deepEqual(kept, { d1: "among the last 2", d2: "among the last 2" });
  });

  it("keeps what is younger, and what any rule keeps", () => {
    assert.deepEqual(plan(five, { keepWithinMs: 3.5 * DAY_MS }).removed, ["d4", "d5"]);
    const labelled = [...five, snapshot("old", 90, { labels: { keep: "yes", env: "prod" } })];
    const rules = { keepLast: 1, keepLabels: ["env=prod"] };
    assert.deepEqual(plan(labelled, rules).kept, { d1: "among the last 1", old: "labelled env=prod" });
    assert.deepEqual(plan(labelled, { keepLabels: ["env=test", "keep"] }).kept, { old: "labelled keep" });
  });

  it("keeps what is held, and counts it among the last", () => {
    const held = [snapshot("new", 0, { hold: "release" }), ...five];
    assert.deepEqual(plan(held, { keepLast: 1 }).kept, { new: "held: release" });
  });

  it("removes children before their parents", () => {
    const line = [snapshot("base", 9), child("mid", "base", 8), child("top", "mid", 7)];
    assert.deepEqual(plan(line, { keepLast: 0 }).removed, ["top", "mid", "base"]);
    // Even if the clock was set back in between.
    const odd = [snapshot("base", 1), child("mid", "base", 8), child("top", "mid", 9)];
    assert.deepEqual(plan(odd, { keepLast: 0 }).removed, ["top", "mid", "base"]);
  });

  it("keeps the ancestors of what is kept, and of what is not meant", () => {
    const line = [snapshot("base", 9), child("mid", "base", 8), child("top", "mid", 7)];
    const kept = { base: "committed/mid was made from it", mid: "committed/top was made from it" };
    assert.deepEqual(plan(line, { keepLast: 1 }), {
      removed: [],
      kept: { ...kept, top: "among the last 1" },
    });
    const used = [...line, child("web", "top", 0, { kind: "active" })];
    assert.deepEqual(plan(used, { keepLast: 0 }), {
      removed: [],
      kept: { ...kept, top: "active/web was made from it" },
    });
  });

  it("takes times in words", () => {
    assert.equal(parseDuration("90s"), 90_000);
    assert.equal(parseDuration("1d12h"), 1.5 * DAY_MS);
    assert.equal(parseDuration("2w"), 14 * DAY_MS);
    for (const text of ["", "7", "d", "1.5d", "-1d", "7 d"])
      assert.throws(() => parseDuration(text), /is no time/);
  });
});
