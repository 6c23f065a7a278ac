import assert from "node:assert/strict";
import { Dispatcher } from "../../src/fuse/dispatcher.js";
import { Exchange } from "../../src/fuse/exchange.js";
import type { Answer } from "../../src/fuse/filesystem.js";
import { type Call, mockFileSystem } from "./mock-file-system.js";
import { pack } from "./wire.js";

/** Feeds one request. @returns the bytes of its reply, and what the file system was asked */
export function exchange(bytes: Buffer, answer: (call: Call) => Answer): { reply: string; calls: Call[] } {
  const calls: Call[] = [];
  const x = new Exchange();
  let reply = "";
  const fs = mockFileSystem((call) => {
    calls.push(call);
    return answer(call);
  });
  const dispatcher = new Dispatcher(
    fs,
    (from, length) => {
      reply = from.output.toString("hex", 0, length);
      return length;
    },
    () => assert.fail("nothing was detached"),
  );
  bytes.copy(x.input);
  assert.equal(dispatcher.dispatch(x, bytes.length), "done");
  return { reply, calls };
}

/** @returns the header of a reply (struct fuse_out_header) in hexadecimal. @param unique as it lies in memory */
export function replyHeader(length: number, error = 0, unique = "0807060504030201"): string {
  return pack("I", length).toString("hex") + pack("I", error).toString("hex") + unique;
}
