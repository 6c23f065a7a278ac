/** Header of a request (struct fuse_in_header), without its length. */
export interface RequestHeader {
  readonly opcode: number;
  readonly node?: bigint;
  readonly unique?: bigint;
  readonly uid?: number;
  readonly gid?: number;
  readonly pid?: number;
}

/**
 * Packs little-endian fields, as struct.pack of Python does.
 * @param format a letter a value: Q u64, q i64, I u32, H u16, s NUL-terminated bytes, x padding of so many bytes
 */
export function pack(format: string, ...values: (number | bigint | string)[]): Buffer {
  const parts = [...format].map((letter, i) => packOne(letter, values[i]!));
  return Buffer.concat(parts);
}

function packOne(letter: string, value: number | bigint | string): Buffer {
  const part = Buffer.alloc(8);
  switch (letter) {
    case "Q":
      part.writeBigUInt64LE(BigInt.asUintN(64, BigInt(value)));
      return part;
    case "q":
      part.writeBigInt64LE(BigInt(value));
      return part;
    case "I":
      part.writeUInt32LE(Number(value) >>> 0);
      return part.subarray(0, 4);
    case "H":
      part.writeUInt16LE(Number(value));
      return part.subarray(0, 2);
    case "s":
      return Buffer.from(`${value}\0`, "latin1");
    case "x":
      return Buffer.alloc(Number(value));
    default:
      throw new Error(`unknown letter ${letter}`);
  }
}

/** @returns a request as the kernel writes it: header, then body */
export function request(header: RequestHeader, body: Buffer = Buffer.alloc(0)): Buffer {
  const { opcode, node = 1n, unique = 2n, uid = 0, gid = 0, pid = 1 } = header;
  return Buffer.concat([
    pack("IIQQIIIHH", 40 + body.length, opcode, unique, node, uid, gid, pid, 0, 0),
    body,
  ]);
}
