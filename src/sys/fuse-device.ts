import { ENODEV } from "./errno.js";
import { cFunction, result } from "./ffi.js";
import { ioctl } from "./file.js";

const BACKING_OPEN = 0x4010e501;
const BACKING_CLOSE = 0x4004e502;

const map = Buffer.alloc(16);
const closing = Buffer.alloc(4);

/** FUSE_DEV_IOC_BACKING_OPEN (linux/fuse.h). @returns a backing id or -errno */
export function openBackingFile(device: number, fd: number): number {
  map.fill(0);
  map.writeInt32LE(fd, 0);
  return ioctl(device, BACKING_OPEN, map);
}

/** FUSE_DEV_IOC_BACKING_CLOSE. @returns 0 or -errno */
export function closeBackingFile(device: number, id: number): number {
  closing.writeUInt32LE(id, 0);
  return ioctl(device, BACKING_CLOSE, closing);
}

const cSocketpair = cFunction("int socketpair(int, int, int, void *)");
const cShutdown = cFunction("int shutdown(int, int)");

/** shutdown(2) in both directions: whoever reads from the other end gets its end. @returns 0 or -errno */
export function shutdown(socket: number): number {
  const SHUT_RDWR = 2;
  return result(cShutdown(socket, SHUT_RDWR));
}

const cRecvmsg = cFunction("int64_t recvmsg(int, void *, int)");

export const SOCK_STREAM = 1;
export const SOCK_SEQPACKET = 5;

/** socketpair(2) of local sockets, close-on-exec. @param type SOCK_*. @returns the two descriptors or -errno */
export function socketPair(type = SOCK_STREAM): [number, number] | number {
  const AF_UNIX = 1;
  const SOCK_CLOEXEC = 0o2000000;
  const pair = Buffer.alloc(8);
  const code = result(cSocketpair(AF_UNIX, type | SOCK_CLOEXEC, 0, pair));
  return code < 0 ? code : [pair.readInt32LE(0), pair.readInt32LE(4)];
}

const cAddress = cFunction("uintptr_t memchr(void *, int, size_t)");

function addressOf(buffer: Buffer): bigint {
  const first = buffer[0]!;
  return BigInt(cAddress(buffer, first, 1));
}

/**
 * recvmsg(2) of one descriptor that a peer sends (SCM_RIGHTS, unix(7)).
 * @returns the descriptor, or -errno; ENODEV when the peer sent none
 */
export function receiveFd(socket: number): number {
  const MSG_CMSG_CLOEXEC = 0x40000000;
  const data = Buffer.alloc(8);
  const control = Buffer.alloc(32);
  const iovec = Buffer.alloc(16);
  iovec.writeBigUInt64LE(addressOf(data), 0);
  iovec.writeBigUInt64LE(8n, 8);
  const header = Buffer.alloc(56);
  header.writeBigUInt64LE(addressOf(iovec), 16);
  header.writeBigUInt64LE(1n, 24);
  header.writeBigUInt64LE(addressOf(control), 32);
  header.writeBigUInt64LE(BigInt(control.length), 40);
  const got = result(cRecvmsg(socket, header, MSG_CMSG_CLOEXEC));
  if (got < 0) return got;
  // struct cmsghdr: length u64, level i32 (SOL_SOCKET), type i32 (SCM_RIGHTS), then the descriptor.
  return got === 0 || control.readInt32LE(12) !== 1 ? -ENODEV : control.readInt32LE(16);
}
