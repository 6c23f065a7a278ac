import assert from "node:assert/strict";
import { on } from "node:events";
import { test } from "node:test";
import { Worker } from "node:worker_threads";
import { Op } from "../src/fuse/protocol.js";
import { EIO } from "../src/sys/errno.js";
import { close, fcntl, readOnce, write } from "../src/sys/file.js";
import { SOCK_SEQPACKET, shutdown, socketPair } from "../src/sys/fuse-device.js";
import { PollSet, signalEventFd } from "../src/sys/poll.js";
import { FuzzKernel } from "./support/fuzz-kernel.js";
import { repliesTo } from "./support/fuzz-replies.js";
import { Random } from "./support/random.js";
import { pack, request } from "./support/wire.js";

const F_SETFL = 4;
const O_RDWR_NONBLOCK = 0o4002;
const PATIENCE_MS = 5000;
/** A test that takes longer hangs, in ms. */
const LIMIT_MS = 60_000;
const REQUESTS = 5000;
const INIT = pack("IIIIIx", 7, 45, 131_072, -1, -1, 44);

/** What a session leaves behind. */
interface Left {
  readonly type: "left";
  readonly attended: number;
  readonly nodes: number;
  readonly handles: number;
  readonly lookups: number;
  readonly patience: { readonly noted: number; readonly least: number; readonly most: number };
}

/** What a session was attending to. */
interface Attended {
  readonly type: "attended";
  /** Lookups that had been answered. */
  readonly lookups: number;
  readonly fd: number;
  readonly told: boolean;
}

/** The kernel's end of the device: a socket that keeps the bounds of messages, as the device does. */
class Device {
  private readonly room = Buffer.alloc(2 ** 21);
  private readonly poll: PollSet;

  constructor(private readonly fd: number) {
    this.poll = new PollSet([fd]);
  }

  send(bytes: Buffer): void {
    assert.equal(write(this.fd, bytes), bytes.length);
  }

  receive(): Buffer {
    assert.equal(this.poll.wait(PATIENCE_MS), 1, "the session answers");
    return Buffer.from(this.room.subarray(0, readOnce(this.fd, this.room, this.room.length)));
  }

  get isQuiet(): boolean {
    return this.poll.wait(0) === 0;
  }
}

test("a session answers every request once, whatever it is, lives on, and ends with its device", async (context) => {
  const pair = socketPair(SOCK_SEQPACKET);
  assert.ok(typeof pair === "object");
  const [ours, theirs] = pair;
  assert.equal(fcntl(theirs, F_SETFL, O_RDWR_NONBLOCK), 0);
  const worker = new Worker(new URL("./support/session-worker.js", import.meta.url), {
    workerData: { fd: theirs },
  });
  const messages = listen(worker);
  // The thread sits in system calls that only the end of its device ends.
  context.after(() => close(ours));
  const device = new Device(ours);

  device.send(request({ opcode: Op.LOOKUP }, pack("s", "early")));
  assert.equal(device.receive().readInt32LE(4), -EIO, "nothing works before INIT");
  device.send(Buffer.alloc(20));
  device.send(request({ opcode: Op.INIT }, INIT));
  assert.equal(device.receive().length, 16 + 64);

  const kernel = new FuzzKernel(new Random(5));
  const ask = (bytes: Buffer): void => {
    device.send(bytes);
    if (repliesTo(bytes) === 1) kernel.answered(bytes, device.receive());
  };
  for (let i = 0; i < REQUESTS; i++) {
    const bytes = kernel.next();
    // Zero bytes would be the end of a socket, and DESTROY needs no file system.
    if (bytes.length > 0) ask(bytes);
  }
  for (const bytes of kernel.farewell()) ask(bytes);
  ask(request({ opcode: Op.DESTROY }));
  assert.ok(device.isQuiet, "no reply too many");
  assert.ok(kernel.successes > 500, `${kernel.successes} successes`);

  assert.equal(shutdown(ours), 0);
  const left = await next<Left>(messages, "left");
  close(theirs);
  assert.deepEqual({ nodes: left.nodes, handles: left.handles }, { nodes: 0, handles: 0 });
  assert.ok(left.lookups > 10, "requests are counted");
  assert.ok(
    left.attended > REQUESTS / 64,
    `attended ${left.attended} times to what else is to be waited for`,
  );
  const { noted, least, most } = left.patience;
  assert.ok(noted > REQUESTS / 4, `${noted} requests that were waited for`);
  assert.ok(least >= 0, `${least} ms`);
  // A session on a single processor need not ask.
  assert.ok(most <= 3, `asked ${most} times in a row: it sleeps when the answer is no`);
});

for (const [atOnce, who] of [
  [100, "many"],
  [0, "none"],
] as const)
  test(`a session attends to what else is to be waited for, while ${who} ask, when it tells and when it wants to`, async (context) => {
    const pair = socketPair(SOCK_SEQPACKET);
    assert.ok(typeof pair === "object");
    const [ours, theirs] = pair;
    assert.equal(fcntl(theirs, F_SETFL, O_RDWR_NONBLOCK), 0);
    const device = new Device(ours);
    device.send(request({ opcode: Op.INIT }, INIT));
    for (let i = 0; i < atOnce; i++) device.send(request({ opcode: Op.LOOKUP }, pack("s", "name")));
    const worker = new Worker(new URL("./support/session-worker.js", import.meta.url), {
      workerData: { fd: theirs },
    });
    const messages = listen(worker);
    context.after(() => close(ours));
    const seen: Attended[] = [];
    for (let i = 0; i < 40; i++) seen.push(await next<Attended>(messages, "attended"));
    assert.ok(seen.every(({ told }) => !told));
    assert.ok(seen[1]!.lookups <= atOnce / 2, `${seen[1]!.lookups} were answered first`);
    const told = next<Attended>(messages, "attended");
    signalEventFd(seen[0]!.fd);
    assert.equal((await told).told, true);
    assert.equal(shutdown(ours), 0);
    await next<Left>(messages, "left");
    close(theirs);
  });

type Messages = ReturnType<typeof on>;

/** What a worker says, from now on. */
function listen(worker: Worker): Messages {
  return on(worker, "message", { signal: AbortSignal.timeout(LIMIT_MS) });
}

/** @returns the next message of a type */
async function next<T extends { readonly type: string }>(messages: Messages, type: T["type"]): Promise<T> {
  for (;;) {
    const { value } = (await messages.next()) as { value: [T] };
    const [message] = value;
    if (message.type === type) return message;
  }
}
