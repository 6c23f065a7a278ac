import assert from "node:assert/strict";
import { Dispatcher } from "../../src/fuse/dispatcher.js";
import { Exchange } from "../../src/fuse/exchange.js";
import type { FileSystem } from "../../src/fuse/filesystem.js";
import { ENOENT } from "../../src/sys/errno.js";
import { FuzzKernel } from "./fuzz-kernel.js";
import { repliesTo } from "./fuzz-replies.js";
import { Random } from "./random.js";

/** A reply in so many of this number is not wanted any more, because its caller was killed. */
const UNWANTED = 0.01;
/** Requests between two turns of the event loop, in which promises may settle. */
const A_TURN = 50;

export interface FuzzResult {
  readonly requests: number;
  readonly replies: number;
  readonly successes: number;
  /** Handlers that threw. */
  readonly failures: number;
}

/**
 * Feeds random and mutated requests to a dispatcher before a file system, and gives everything back at the end.
 * @throws AssertionError when a request gets another number of replies than it must, or a reply that the kernel would refuse
 */
export async function fuzzDispatcher(fs: FileSystem, seed: number, count: number): Promise<FuzzResult> {
  const random = new Random(seed);
  const kernel = new FuzzKernel(random);
  const waiting = new Map<Exchange, Buffer>();
  const idle: Exchange[] = [];
  let replies = 0;
  let violation: unknown;
  const deliver = (x: Exchange, length: number): number => {
    const bytes = waiting.get(x);
    assert.ok(bytes !== undefined, "one reply to one request");
    assert.equal(repliesTo(bytes), 1, "a reply was due");
    waiting.delete(x);
    replies++;
    const reply = Buffer.from(x.output.subarray(0, length));
    if (random.chance(UNWANTED)) return -ENOENT;
    kernel.answered(bytes, reply);
    return length;
  };
  const dispatcher = new Dispatcher(
    fs,
    (x, length) => {
      try {
        return deliver(x, length);
      } catch (error) {
        // The dispatcher would take it for a failure of the file system.
        violation ??= error;
        return length;
      }
    },
    (x) => idle.push(x),
  );
  const feed = (bytes: Buffer): void => {
    const x = idle.pop() ?? new Exchange();
    bytes.copy(x.input);
    waiting.set(x, bytes);
    if (dispatcher.dispatch(x, bytes.length) === "detached") return;
    // What gets no reply is done with, too.
    if (waiting.delete(x)) assert.equal(repliesTo(bytes), 0, `no reply to ${bytes.toString("hex", 0, 48)}`);
    idle.push(x);
  };
  const settled = async (): Promise<void> => {
    while (dispatcher.outstanding > 0) await new Promise((resolve) => setImmediate(resolve));
  };
  for (let i = 0; i < count; i++) {
    feed(kernel.next());
    if (violation !== undefined) throw violation;
    if (i % A_TURN === 0) await settled();
  }
  await settled();
  for (const bytes of kernel.farewell()) feed(bytes);
  await settled();
  if (violation !== undefined) throw violation;
  assert.equal(waiting.size, 0, "every request was answered");
  return { requests: count, replies, successes: kernel.successes, failures: dispatcher.failures };
}
