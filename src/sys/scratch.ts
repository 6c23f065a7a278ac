import type { RawName } from "../base/bytes.js";
import { PATH_MAX } from "../base/limits.js";

// Names are copied into memory of our own before a call: libffi gets a stable address and the
// string is written once, without an allocation. Two, since rename and link take two names.
const first = Buffer.alloc(PATH_MAX * 2);
const second = Buffer.alloc(PATH_MAX * 2);
const third = Buffer.alloc(PATH_MAX * 2);

function put(buffer: Buffer, name: string): Buffer {
  if (name.length >= buffer.length) {
    // Longer than any path: let the kernel say ENAMETOOLONG, for which PATH_MAX bytes suffice.
    buffer.fill(0x61, 0, PATH_MAX + 1);
    buffer[PATH_MAX + 1] = 0;
    return buffer;
  }
  const length = buffer.latin1Write(name, 0);
  buffer[length] = 0;
  return buffer;
}

/** @returns NUL-terminated bytes of name, valid until the next call of cname */
export function cname(name: RawName | string): Buffer {
  return put(first, name);
}

/** As cname, in a second place. */
export function cname2(name: RawName | string): Buffer {
  return put(second, name);
}

/** As cname, in a third place. */
export function cname3(name: RawName | string): Buffer {
  return put(third, name);
}
