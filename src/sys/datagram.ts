import { EINVAL } from "./errno.js";
import { cFunction, result, retry } from "./ffi.js";
import { close } from "./file.js";

const cSocket = cFunction("int socket(int, int, int)");
const cSendto = cFunction("int64_t sendto(int, void *, size_t, int, void *, unsigned int)");

const AF_UNIX = 1;
const SOCK_DGRAM_CLOEXEC = 2 | 0o2000000;
const MSG_NOSIGNAL = 0x4000;
/** sizeof(sun_path) in sys/un.h. */
const SUN_PATH = 108;

/**
 * Sends one datagram to a Unix socket (unix(7)), which Node's own net and dgram modules cannot.
 * @param path of the socket; a leading `@` means the abstract namespace, as in NOTIFY_SOCKET (sd_notify(3))
 * @returns bytes sent or -errno
 */
export function sendDatagram(path: string, message: string): number {
  const name = Buffer.from(path.startsWith("@") ? `\0${path.slice(1)}` : path, "utf8");
  if (name.length === 0 || name.length >= SUN_PATH) return -EINVAL;
  const address = Buffer.alloc(2 + name.length);
  address.writeUInt16LE(AF_UNIX, 0);
  name.copy(address, 2);
  const fd = result(cSocket(AF_UNIX, SOCK_DGRAM_CLOEXEC, 0));
  if (fd < 0) return fd;
  const bytes = Buffer.from(message, "utf8");
  const sent = retry(() => cSendto(fd, bytes, bytes.length, MSG_NOSIGNAL, address, address.length));
  close(fd);
  return sent;
}
