import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { RawName } from "../src/base/bytes.js";
import { aclText, aclValue } from "../src/store/archive/acl.js";
import { ByteReader } from "../src/store/archive/byte-reader.js";
import { type ArchiveEntry, ArchiveError } from "../src/store/archive/entry.js";
import { dataLength, encodeEntry, padded } from "../src/store/archive/header.js";
import { decodePax, encodePax, parseTime, timeText } from "../src/store/archive/pax.js";
import { ArchiveReader } from "../src/store/archive/reader.js";

const raw = (text: string): RawName => Buffer.from(text, "utf8").latin1Slice() as RawName;
const PLAIN: ArchiveEntry = {
  type: "file",
  path: raw("etc/hostname"),
  mode: 0o644,
  uid: 0,
  gid: 0,
  size: 5,
  mtime: 1_700_000_000,
  mtimeNs: 0,
  target: raw(""),
  major: 0,
  minor: 0,
  xattrs: new Map(),
  extents: undefined,
};
const END = Buffer.alloc(1024);

async function* pieces(bytes: Buffer, length: number): AsyncGenerator<Buffer> {
  for (let at = 0; at < bytes.length; at += length) yield bytes.subarray(at, at + length);
}

/** Encodes an entry, and decodes it again from pieces of an awkward length. */
async function there(entry: ArchiveEntry): Promise<ArchiveEntry> {
  const data = padded(Buffer.alloc(dataLength(entry), "x"));
  const reader = new ArchiveReader(
    new ByteReader(pieces(Buffer.concat([encodeEntry(entry), data, END]), 77)),
  );
  const member = await reader.next();
  assert.ok(member);
  for (let left = dataLength(entry); left > 0; ) left -= (await member.read(left)).length;
  assert.equal(await reader.next(), undefined);
  return member.entry;
}

describe("headers of an archive", () => {
  it("are those of POSIX, byte for byte", () => {
    const block = encodeEntry(PLAIN);
    assert.equal(block.length, 512);
    const field = (start: number, length: number): string => block.latin1Slice(start, start + length);
    assert.equal(field(0, 13), "etc/hostname\0");
    assert.deepEqual(field(100, 24).split("\0"), ["000644 ", "000000 ", "000000 ", ""]);
    assert.deepEqual(field(124, 24).split("\0"), ["0000000005 ", "14524770400", ""]);
    assert.equal(field(156, 1), "0");
    assert.equal(field(257, 8), "ustar\x0000");
    const sum = block.reduce((total, byte, at) => total + (at >= 148 && at < 156 ? 32 : byte), 0);
    assert.equal(Number.parseInt(field(148, 8), 8), sum);
  });

  it("bring back every kind of entry", async () => {
    const entries: Partial<ArchiveEntry>[] = [
      {},
      { type: "directory", path: raw(""), size: 0, mode: 0o3755 },
      { type: "directory", path: raw("a/b"), size: 0 },
      { type: "symlink", size: 0, target: raw("../x y/ü") },
      { type: "link", size: 0, target: raw("etc/other") },
      { type: "character", size: 0, major: 300, minor: 70_000 },
      { type: "block", size: 0, major: 8, minor: 1 },
      { type: "fifo", size: 0 },
      { path: "\xff\xfe name\n" as RawName },
      { path: raw(`${"d".repeat(200)}/${"f".repeat(255)}`) },
      { type: "symlink", size: 0, target: raw("t".repeat(4000)) },
      { uid: 3_000_000_000, gid: 2_097_152 },
      { mtime: -1, mtimeNs: 500_000_000 },
      { mtime: 10_413_792_000, mtimeNs: 1 },
      { mtime: 2 ** 34, mtimeNs: 0 },
    ];
    for (const entry of entries)
      assert.deepEqual(await there({ ...PLAIN, ...entry }), { ...PLAIN, ...entry });
  });

  it("bring back attributes with any bytes, and ACLs as text", async () => {
    const acl = aclValue("user::rw-,user:1234:rw-,group::r--,mask::rw-,other::r--");
    const xattrs = new Map([
      ["security.capability" as RawName, Buffer.from("0100000200200000000000000000000000000000", "hex")],
      ["user.odd\xff" as RawName, Buffer.from([0, 10, 61, 255])],
      ["system.posix_acl_access" as RawName, acl],
    ]);
    assert.deepEqual((await there({ ...PLAIN, xattrs })).xattrs, xattrs);
    assert.match(
      encodeEntry({ ...PLAIN, xattrs }).latin1Slice(),
      /SCHILY\.acl\.access=user::rw-,user:1234:rw-,/,
    );
  });

  it("bring back holes", async () => {
    const extents = [
      { offset: 4096, length: 700 },
      { offset: 1 << 20, length: 0 },
    ];
    const entry = { ...PLAIN, size: 1 << 20, extents };
    assert.deepEqual(await there(entry), entry);
  });

  it("are refused when damaged, cut off, or leading out of the tree", async () => {
    const read = (bytes: Buffer): Promise<unknown> =>
      new ArchiveReader(new ByteReader(pieces(bytes, 512))).next();
    const good = encodeEntry(PLAIN);
    const damaged = Buffer.from(good);
    damaged[3]! ^= 1;
    await assert.rejects(read(damaged), /checksum/);
    await assert.rejects(read(good.subarray(0, 300)), /ends too early/);
    await assert.rejects(read(Buffer.alloc(0)), /ends too early/);
    await assert.rejects(read(encodeEntry({ ...PLAIN, path: raw("a/../../b") })), /leads out of the tree/);
    const link = { ...PLAIN, type: "link", size: 0, target: raw("../etc/passwd") } as const;
    await assert.rejects(read(encodeEntry(link)), /leads out of the tree/);
    const inside = await new ArchiveReader(
      new ByteReader(
        pieces(Buffer.concat([encodeEntry({ ...PLAIN, path: raw("/./etc//x"), size: 0 }), END]), 512),
      ),
    ).next();
    assert.equal(inside?.entry.path, "etc/x");
    const map = { ...PLAIN, size: 10, extents: [{ offset: 0, length: 20 }] };
    await assert.rejects(read(Buffer.concat([encodeEntry(map), Buffer.alloc(512)])), /map of a sparse file/);
  });
});

describe("pax records", () => {
  it("count their own length", () => {
    // 9 bytes with one digit, but 10 with two: the length has to be found.
    for (const value of ["", "x", "x".repeat(85), "x".repeat(86), "x".repeat(87), "x".repeat(988)]) {
      const bytes = encodePax(new Map([["path", value]]));
      assert.equal(Number.parseInt(bytes.latin1Slice(), 10), bytes.length);
    }
    assert.equal(encodePax(new Map([["path", "a"]])).latin1Slice(), "9 path=a\n");
  });

  it("are refused when damaged", () => {
    for (const text of ["10 path=ab\n", "x path=a\n", "10 path\n", "99 path=a\n", "0 path=a\n", "3 a=b\n"])
      assert.throws(() => decodePax(Buffer.from(text), new Map()), ArchiveError);
  });

  it("have times to the nanosecond, before 1970 too", () => {
    const times: [number, number, string][] = [
      [0, 0, "0"],
      [1, 5, "1.000000005"],
      [1_700_000_000, 120_000_000, "1700000000.12"],
      [-1, 0, "-1"],
      [-2, 500_000_000, "-1.5"],
      [-1, 999_999_999, "-0.000000001"],
    ];
    for (const [seconds, ns, text] of times) {
      assert.equal(timeText(seconds, ns), text);
      assert.deepEqual(parseTime(text), { seconds, ns });
    }
    assert.throws(() => parseTime("yesterday"), ArchiveError);
  });
});

describe("the text of an ACL", () => {
  it("is what GNU tar, star and bsdtar write, in any order and with names", () => {
    const value = aclValue("user::rwx,user:0:r--,group::r-x,group:65534:---,mask::r-x,other::--x");
    assert.equal(aclText(value), "user::rwx,user:0:r--,group::r-x,group:65534:---,mask::r-x,other::--x");
    assert.deepEqual(aclValue("o::--x\nm::r-x\ng::r-x,g:65534:---\nu:root:r--:0,u::rwx # all\n"), value);
    assert.deepEqual(aclValue("user::rw-,user:root:r--,group::r--,mask::r--,other::---").readUInt32LE(16), 0);
    assert.throws(() => aclValue("user:nobody-knows-this-one:rwx"), /is not in \/etc\/passwd/);
    assert.throws(() => aclValue("nonsense"), ArchiveError);
    assert.equal(aclText(Buffer.from("not an acl")), undefined);
  });
});
