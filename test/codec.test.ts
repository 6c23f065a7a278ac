import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { RawName } from "../src/base/bytes.js";
import { DirReply, nodesOf } from "../src/fuse/dir-reply.js";
import { Exchange } from "../src/fuse/exchange.js";
import type { Answer, Caller, Changes, Entry, IoArea, Opened } from "../src/fuse/filesystem.js";
import { negotiate } from "../src/fuse/negotiate.js";
import { ATTR_OUT, DIRENT, ENTRY_OUT, IN_HEADER, OPEN_OUT, Op, OUT_HEADER } from "../src/fuse/protocol.js";
import { UTIME_NOW, UTIME_OMIT } from "../src/sys/constants.js";
import { ENOENT } from "../src/sys/errno.js";
import type { Stat } from "../src/sys/stat.js";
import type { Call } from "./support/mock-file-system.js";
import { exchange, replyHeader as header } from "./support/one-request.js";
import { pack, request } from "./support/wire.js";

// Expected bytes are written down from linux/fuse.h, field by field, and never made by the code under test.

const hex = (...parts: string[]): string => parts.join("").replaceAll(" ", "");

function fillStat(stat: Stat): void {
  Object.assign(stat, { ino: 2 ** 41 + 7, size: 5_000_000_000, blocks: 9, mode: 0o100644, nlink: 2 });
  Object.assign(stat, { uid: 1000, gid: 100, blksize: 4096, rdevMajor: 0, rdevMinor: 0, mask: 0x17ff });
  Object.assign(stat, { atime: 1, atimeNs: 2, mtime: -3, mtimeNs: 999_999_999, ctime: 4, ctimeNs: 5 });
}
/** struct fuse_attr of that, 88 bytes. */
const ATTR = hex(
  "0700000000020000 00f2052a01000000 0900000000000000",
  "0100000000000000 fdffffffffffffff 0400000000000000",
  "02000000 ffc99a3b 05000000",
  "a4810000 02000000 e8030000 64000000 00000000 00100000 00000000",
);

const UNIQUE = 0x0102030405060708n;

describe("the wire format", () => {
  it("has the sizes of linux/fuse.h", () => {
    const attr = 6 * 8 + 10 * 4;
    assert.deepEqual(
      [IN_HEADER, OUT_HEADER, ENTRY_OUT, ATTR_OUT, OPEN_OUT, DIRENT],
      [4 + 4 + 8 + 8 + 4 * 4, 4 + 4 + 8, 4 * 8 + 2 * 4 + attr, 8 + 4 + 4 + attr, 8 + 4 + 4, 8 + 8 + 4 + 4],
    );
    assert.equal(ATTR.length / 2, attr);
  });

  it("LOOKUP: caller, parent and name in, an entry out", () => {
    const wire = { opcode: Op.LOOKUP, node: 2n ** 40n + 3n, unique: UNIQUE, uid: 7, gid: 8, pid: 9 };
    const { reply, calls } = exchange(request(wire, pack("s", "na\u00efve")), ({ args }) => {
      const out = args[3] as Entry;
      fillStat(out.stat);
      Object.assign(out, { node: 0x1122334455, generation: 3, entryTimeout: 1500, attrTimeout: 86_400_000 });
      return 0;
    });
    const [caller, parent, name] = calls[0]!.args;
    assert.deepEqual([parent, name], [2 ** 40 + 3, "na\u00efve"]);
    const { uid, gid, pid } = caller as Caller;
    assert.deepEqual([uid, gid, pid], [7, 8, 9]);
    assert.equal(
      reply,
      header(144) +
        hex("5544332211000000 0300000000000000 0100000000000000 8051010000000000", "0065cd1d 00000000", ATTR),
    );
  });

  it("LOOKUP: a negative entry has no attributes", () => {
    const { reply } = exchange(request({ opcode: Op.LOOKUP, unique: UNIQUE }, pack("s", "x")), ({ args }) => {
      fillStat((args[3] as Entry).stat);
      (args[3] as Entry).entryTimeout = 2000;
      return 0;
    });
    assert.equal(reply, header(144) + hex("00".repeat(16), "0200000000000000", "00".repeat(104)));
  });

  it("GETATTR: attributes with their timeout", () => {
    const { reply, calls } = exchange(
      request({ opcode: Op.GETATTR, unique: UNIQUE }, pack("IIQ", 1, 0, 77)),
      ({ args }) => {
        fillStat((args[3] as Entry).stat);
        (args[3] as Entry).attrTimeout = 1001;
        return 0;
      },
    );
    assert.equal(calls[0]!.args[2], 77, "the handle, since GETATTR_FH is set");
    assert.equal(reply, header(120) + hex("0100000000000000 40420f00 00000000", ATTR));
  });

  it("SETATTR: only what is valid, NOW and OMIT as utimensat has them", () => {
    const body = pack(
      "IIQQQqqqIIIIIIII",
      ...[1 | 8 | 128 | 16, 0, 0, 4096, 0, 11, 22, 33, 1, 2, 3, 0o600, 0, 4, 5, 0],
    );
    const { calls } = exchange(request({ opcode: Op.SETATTR }, body), () => -ENOENT);
    const changes = calls[0]!.args[2] as Changes;
    assert.deepEqual({ ...changes }, {
      mode: 0o600,
      uid: undefined,
      gid: undefined,
      size: 4096,
      atime: 11,
      atimeNs: UTIME_NOW,
      mtime: undefined,
      mtimeNs: UTIME_OMIT,
      handle: undefined,
      killPrivileges: false,
    } satisfies Changes);
  });

  it("OPEN: a backing id makes it a passthrough", () => {
    const { reply } = exchange(
      request({ opcode: Op.OPEN, unique: UNIQUE }, pack("II", 0o2, 0)),
      ({ args }) => {
        Object.assign(args[4] as Opened, { handle: 0x123456789, flags: 2, backingId: 5 });
        return 0;
      },
    );
    assert.equal(reply, header(32) + hex("8967452301000000 82000000 05000000"));
  });

  it("CREATE: an entry, then how it was opened", () => {
    const body = Buffer.concat([pack("IIII", 0o102, 0o100666, 0o027, 1), pack("s", "new")]);
    const { reply, calls } = exchange(request({ opcode: Op.CREATE, unique: UNIQUE }, body), ({ args }) => {
      fillStat((args[6] as Entry).stat);
      Object.assign(args[6] as Entry, { node: 9 });
      Object.assign(args[7] as Opened, { handle: 4 });
      return 0;
    });
    const [caller, , name, flags, mode, kill] = calls[0]!.args;
    assert.equal((caller as Caller).umask, 0o027);
    assert.deepEqual([name, flags, mode, kill], ["new", 0o2, 0o100666, true]);
    const entry = hex("0900000000000000", "00".repeat(32), ATTR);
    assert.equal(reply, header(160) + entry + hex("0400000000000000 00000000 00000000"));
  });

  it("READ and WRITE: bytes in place", () => {
    const read = exchange(
      request({ opcode: Op.READ, unique: UNIQUE }, pack("QQIIQII", 3, 4096, 5, 0, 0, 0o100000, 0)),
      ({ args }) => (args[6] as IoArea).buffer.write("hello"),
    );
    assert.deepEqual(read.calls[0]!.args.slice(1, 6), [1, 3, 4096, 5, 0o100000]);
    assert.equal(read.reply, header(21) + Buffer.from("hello").toString("hex"));
    const body = Buffer.concat([pack("QQIIQII", 3, 2 ** 40, 5, 4, 0, 0, 0), Buffer.from("bytes")]);
    const write = exchange(request({ opcode: Op.WRITE, unique: UNIQUE }, body), ({ args }) => {
      assert.equal((args[4] as IoArea).buffer.toString("latin1", 0, 5), "bytes");
      return 5;
    });
    assert.deepEqual(write.calls[0]!.args.slice(1, 4), [1, 3, 2 ** 40]);
    assert.deepEqual(write.calls[0]!.args.slice(5), [5, 0, true]);
    assert.equal(write.reply, header(24) + hex("05000000 00000000"));
  });

  it("STATX: times and device numbers where struct statx has them", () => {
    const { reply } = exchange(
      request({ opcode: Op.STATX, unique: UNIQUE }, pack("IIQII", 0, 0, 0, 0, 0xfff)),
      ({ args }) => {
        fillStat((args[3] as Entry).stat);
        Object.assign((args[3] as Entry).stat, { btime: 6, btimeNs: 7, rdevMajor: 8, rdevMinor: 9 });
        return 0;
      },
    );
    const statx = hex(
      "ff070000 00100000 0000000000000000 02000000 e8030000 64000000 a481 0000",
      "0700000000020000 00f2052a01000000 0900000000000000 0000000000000000",
      "0100000000000000 02000000 00000000 0600000000000000 07000000 00000000",
      "0400000000000000 05000000 00000000 fdffffffffffffff ffc99a3b 00000000",
      "08000000 09000000 00000000 00000000",
      "00".repeat(256 - 144),
    );
    assert.equal(reply, header(304) + "00".repeat(32) + statx);
  });

  it("READDIR: names padded to eight bytes, up to what was asked for", () => {
    const x = new Exchange();
    const sink = new DirReply(x, 64, false);
    assert.ok(sink.add("a" as RawName, 5, 4, 1n));
    assert.ok(sink.add("12345678" as RawName, 2 ** 33, 8, 2n ** 63n - 1n));
    assert.ok(!sink.add("b" as RawName, 6, 8, 3n), "64 bytes are full");
    const expected = hex(
      "0500000000000000 0100000000000000 01000000 04000000 6100000000000000",
      "0000000002000000 ffffffffffffff7f 08000000 08000000 3132333435363738",
    );
    assert.equal(x.out.buffer.toString("hex", 0, sink.used), expected);
  });

  it("READDIRPLUS: the entry before the name, and which nodes were given", () => {
    const x = new Exchange();
    const sink = new DirReply(x, 4096, true);
    fillStat(x.entry.stat);
    Object.assign(x.entry, { node: 12, generation: 1, entryTimeout: 0, attrTimeout: 0 });
    assert.ok(sink.add("." as RawName, 1, 4, 1n));
    assert.ok(sink.addPlus("f" as RawName, x.entry, 8, 2n));
    const expected = hex(
      "00".repeat(128),
      "0100000000000000 0100000000000000 01000000 04000000 2e00000000000000",
      "0c00000000000000 0100000000000000",
      "00".repeat(24),
      ATTR,
      "0700000000020000 0200000000000000 01000000 08000000 6600000000000000",
    );
    assert.equal(x.out.buffer.toString("hex", 0, sink.used), expected);
    x.body = sink.used;
    assert.deepEqual(nodesOf(x), [12]);
  });

  it("STATFS, LSEEK, xattr sizes and copied counts", () => {
    const ask = (opcode: number, body: Buffer, answer: (call: Call) => Answer): string =>
      exchange(request({ opcode, unique: UNIQUE }, body), answer).reply;
    const statfs = ask(Op.STATFS, Buffer.alloc(0), ({ args }) => {
      Object.assign(args[2] as object, { blocks: 1, bfree: 2, bavail: 3, files: 4, ffree: 5 });
      Object.assign(args[2] as object, { bsize: 4096, namelen: 255, frsize: 512 });
      return 0;
    });
    const five = ["01", "02", "03", "04", "05"].map((n) => `${n}00000000000000`).join("");
    assert.equal(statfs, header(96) + five + hex("00100000 ff000000 00020000", "00".repeat(28)));
    const seek = ask(Op.LSEEK, pack("QQII", 1, 0, 3, 0), () => 2 ** 34);
    assert.equal(seek, header(24) + hex("0000000004000000"));
    const size = ask(Op.GETXATTR, pack("IIs", 0, 0, "user.a"), () => 300);
    assert.equal(size, header(24) + hex("2c010000 00000000"));
    const value = ask(Op.GETXATTR, pack("IIs", 64, 0, "user.a"), ({ args }) =>
      (args[4] as IoArea).buffer.write("v"),
    );
    assert.equal(value, `${header(17)}76`);
    const copied = ask(Op.COPY_FILE_RANGE, pack("QQQQQQQ", 1, 2, 3, 4, 5, 6, 0), ({ args }) => {
      assert.deepEqual(args.slice(1), [1, 1, 2, 3, 4, 5, 6]);
      return 6;
    });
    assert.equal(copied, header(24) + hex("06000000 00000000"));
    const wide = ask(Op.COPY_FILE_RANGE_64, pack("QQQQQQQ", 1, 2, 3, 4, 5, 6, 0), () => 2 ** 33);
    assert.equal(wide, header(24) + hex("0000000002000000"));
  });
});

describe("negotiation", () => {
  const INIT_EXT = 1 << 30;
  function ask(major: number, minor: number, flags: number, flags2: number, through = true) {
    const x = new Exchange();
    const bytes = request({ opcode: Op.INIT }, pack("IIIIIx", major, minor, 131_072, flags, flags2, 44));
    bytes.copy(x.input);
    x.begin(bytes.length);
    const agreed = negotiate(x, through, 1);
    return { agreed, body: x.out.buffer.toString("hex", 0, x.body) };
  }

  it("agrees on what both have", () => {
    const { agreed, body } = ask(7, 45, -1, -1);
    assert.ok(typeof agreed === "object");
    assert.deepEqual(
      [agreed.minor, agreed.passthrough, agreed.killPrivV2, agreed.noOpendir, agreed.setxattrExt],
      [45, true, true, true, true],
    );
    // ASYNC_READ, ATOMIC_O_TRUNC, BIG_WRITES, DONT_MASK; AUTO_INVAL_DATA, READDIRPLUS; PARALLEL_DIROPS, POSIX_ACL,
    // MAX_PAGES, CACHE_SYMLINKS; NO_OPENDIR_SUPPORT, HANDLE_KILLPRIV_V2, SETXATTR_EXT, INIT_EXT. Not WRITEBACK_CACHE, not READDIRPLUS_AUTO.
    const flags = [0x69, 0x30, 0xd4, 0x71].map((byte) => byte.toString(16)).join("");
    assert.equal(
      body,
      hex(
        "07000000 2d000000 00001000",
        flags,
        "4000 3000 00001000 01000000 0001 0000 20000000 01000000",
        "00".repeat(24),
      ),
    );
  });

  it("does without what the kernel lacks or the user refuses", () => {
    const old = ask(7, 31, 1, 0);
    assert.ok(typeof old.agreed === "object" && !old.agreed.passthrough && !old.agreed.setxattrExt);
    const without = ask(7, 45, -1, -1, false);
    assert.ok(typeof without.agreed === "object" && !without.agreed.passthrough);
    assert.equal(without.body.slice(64, 80), "0000000000000000", "neither flags2 nor a stack depth");
    const hidden = ask(7, 45, ~INIT_EXT, -1);
    assert.ok(
      typeof hidden.agreed === "object" && !hidden.agreed.passthrough,
      "flags2 counts with INIT_EXT only",
    );
  });

  it("asks a newer kernel to come again, and refuses one that is too old", () => {
    const newer = ask(8, 0, -1, 0);
    assert.equal(newer.agreed, undefined);
    assert.equal(newer.body.slice(0, 16), hex("07000000 2d000000"));
    assert.equal(ask(7, 30, -1, 0).agreed, -71);
    assert.equal(ask(6, 99, -1, 0).agreed, -71);
  });
});
