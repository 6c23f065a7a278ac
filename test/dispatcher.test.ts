import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { RawName } from "../src/base/bytes.js";
import type { DirReply } from "../src/fuse/dir-reply.js";
import { Dispatcher } from "../src/fuse/dispatcher.js";
import { Exchange } from "../src/fuse/exchange.js";
import type { Answer, Entry, FileSystem, Opened } from "../src/fuse/filesystem.js";
import { Op } from "../src/fuse/protocol.js";
import { EFBIG, EINVAL, EIO, ENAMETOOLONG, ENOENT, ENOSYS } from "../src/sys/errno.js";
import { type Call, mockFileSystem } from "./support/mock-file-system.js";
import { exchange, replyHeader as header } from "./support/one-request.js";
import { pack, request } from "./support/wire.js";

describe("a request that makes no sense", () => {
  const refused = (bytes: Buffer, errno: number): void => {
    const { reply, calls } = exchange(bytes, () => 0);
    assert.equal(reply, header(16, -errno, "0200000000000000"));
    assert.equal(calls.length, 0, "the file system is not asked");
  };

  it("is answered with an errno, and the file system is not asked", () => {
    refused(request({ opcode: 4000 }), ENOSYS);
    refused(request({ opcode: Op.LOOKUP }), EINVAL);
    refused(request({ opcode: Op.LOOKUP }, Buffer.from("no end")), EINVAL);
    for (const name of ["", ".", "..", "a/b"])
      refused(request({ opcode: Op.LOOKUP }, pack("sI", name, 0)), EINVAL);
    refused(request({ opcode: Op.LOOKUP }, pack("s", "n".repeat(256))), ENAMETOOLONG);
    refused(request({ opcode: Op.LOOKUP, node: 2n ** 53n }, pack("s", "a")), EINVAL);
    refused(request({ opcode: Op.RENAME2 }, pack("QIIs", 1, 0, 0, "only one name")), EINVAL);
    refused(request({ opcode: Op.WRITE }, pack("QQIIQII", 1, 0, 1, 0, 0, 0, 0)), EINVAL);
    refused(request({ opcode: Op.WRITE }, pack("QQIIQII", 1, 2n ** 53n, 0, 0, 0, 0, 0)), EFBIG);
    refused(request({ opcode: Op.SETXATTR }, pack("IIIIs", 70_000, 0, 0, 0, "user.a")), EINVAL);
    const lying = request({ opcode: Op.GETATTR }, pack("IIQ", 0, 0, 0));
    lying.writeUInt32LE(41, 0);
    refused(lying, EINVAL);
  });

  it("is not answered when it is shorter than its header", () => {
    assert.deepEqual(
      exchange(Buffer.alloc(39), () => 0),
      { reply: "", calls: [] },
    );
  });

  it("gets EIO instead of an errno that the kernel would refuse, and when a handler throws", () => {
    const ask = request({ opcode: Op.UNLINK }, pack("s", "a"));
    assert.equal(exchange(ask, () => -512).reply, header(16, -EIO, "0200000000000000"));
    const thrown = exchange(ask, () => {
      throw new Error("a bug");
    });
    assert.equal(thrown.reply, header(16, -EIO, "0200000000000000"));
  });
});

describe("a reply that nobody waits for", () => {
  /** Feeds a request whose reply the kernel refuses. @returns what the file system was told after it */
  function undelivered(bytes: Buffer, answer: (call: Call) => Answer): Call[] {
    const calls: Call[] = [];
    const fs: FileSystem = mockFileSystem((call) => {
      calls.push(call);
      return answer(call);
    });
    const x = new Exchange();
    bytes.copy(x.input);
    new Dispatcher(
      fs,
      () => -ENOENT,
      () => undefined,
    ).dispatch(x, bytes.length);
    return calls.slice(1);
  }

  it("gives back the node of LOOKUP, the handle of OPEN, and every node of READDIRPLUS", () => {
    const found = undelivered(request({ opcode: Op.LOOKUP }, pack("s", "a")), ({ args }) => {
      if (args.length === 4) (args[3] as Entry).node = 6;
      return 0;
    });
    assert.deepEqual(found, [{ method: "forget", args: [6, 1] }]);
    const opened = undelivered(
      request({ opcode: Op.OPEN, node: 3n }, pack("II", 0, 0)),
      ({ method, args }) => {
        if (method === "open") (args[4] as Opened).handle = 8;
        return 0;
      },
    );
    assert.deepEqual(opened, [{ method: "release", args: [3, 8] }]);
    const body = pack("QQIIQII", 0, 0, 4096, 0, 0, 0, 0);
    const listed = undelivered(request({ opcode: Op.READDIRPLUS }, body), ({ method, args }) => {
      if (method !== "readdir") return 0;
      const sink = args[3] as DirReply;
      const { entry } = new Exchange();
      sink.add("." as RawName, 1, 4, 1n);
      for (const node of [7, 9]) sink.addPlus("n" as RawName, Object.assign(entry, { node }), 8, 2n);
      return 0;
    });
    assert.deepEqual(listed, [
      { method: "forget", args: [7, 1] },
      { method: "forget", args: [9, 1] },
    ]);
  });
});
