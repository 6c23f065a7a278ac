import type { Exchange } from "./exchange.js";
import type { NodeId } from "./filesystem.js";
import { IN_HEADER } from "./protocol.js";

/** Who asks, and for what (struct fuse_in_header in linux/fuse.h). */
export interface Header {
  readonly opcode: number;
  readonly node: NodeId;
  readonly uid: number;
  readonly gid: number;
  readonly pid: number;
}

/** Fields of a request's body: numbers of 32 and 64 bits, and names. */
export type Field = { readonly u32: number } | { readonly u64: number } | { readonly name: string };

/**
 * Writes a request as the kernel does.
 * @param x whose input takes it
 * @param name bytes as latin1, without their NUL
 * @returns its length in bytes
 */
export function compose(x: Exchange, header: Header, ...fields: readonly Field[]): number {
  const { input } = x;
  let at = IN_HEADER;
  for (const field of fields) {
    if ("u32" in field) at = input.writeUInt32LE(field.u32, at);
    else if ("u64" in field) at = input.writeBigUInt64LE(BigInt(field.u64), at);
    else {
      at += input.latin1Write(field.name, at);
      at = input.writeUInt8(0, at);
    }
  }
  input.fill(0, 0, IN_HEADER);
  input.writeUInt32LE(at, 0);
  input.writeUInt32LE(header.opcode, 4);
  input.writeBigUInt64LE(BigInt(header.node), 16);
  input.writeUInt32LE(header.uid, 24);
  input.writeUInt32LE(header.gid, 28);
  input.writeUInt32LE(header.pid, 32);
  return at;
}
