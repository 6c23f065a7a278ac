import assert from "node:assert/strict";
import { test } from "node:test";
import { Patience } from "../src/fuse/patience.js";

/** Milliseconds after an answer for which it allows asking again, in steps of a hundredth. */
function allowed(patience: Patience): number {
  let steps = 0;
  while (steps < 1000 && patience.allows(steps / 100)) steps++;
  return steps / 100;
}

test("the device is asked again for a while where requests follow each other", () => {
  const patience = new Patience();
  assert.equal(allowed(patience), 0, "nobody has asked yet");
  patience.note(0.05);
  assert.equal(allowed(patience), 0, "one is no row");
  patience.note(0.05);
  const most = allowed(patience);
  assert.ok(most > 0.05 && most < 0.2, `${most} ms`);
  for (let i = 0; i < 100; i++) patience.note(0.05);
  assert.equal(allowed(patience), most, "however many they are");
});

test("who asks now and then is slept for, from the first pause on", () => {
  const patience = new Patience();
  for (let i = 0; i < 100; i++) {
    patience.note(1);
    assert.equal(allowed(patience), 0);
  }
  for (let i = 0; i < 100; i++) patience.note(0.05);
  patience.note(1);
  assert.equal(allowed(patience), 0, "after a long row");
  patience.note(0.05);
  assert.equal(allowed(patience), 0, "the row begins anew");
  patience.note(0.05);
  assert.ok(allowed(patience) > 0);
});
