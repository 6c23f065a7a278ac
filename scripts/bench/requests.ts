import { execFileSync } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmdirSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";

const TRACING = "/sys/kernel/tracing";
const INSTANCE = join(TRACING, "instances/snapmount-bench");
const EVENT = join(INSTANCE, "events/fuse/fuse_request_send");
const BUFFER_KIB = 32_768;

/** Requests that the kernel sent to the server of one mount. */
export interface Requests {
  readonly total: number;
  /** By the kernel's name of the opcode, the most frequent first. */
  readonly byOpcode: Readonly<Record<string, number>>;
}

/** Whether this kernel can count (tracepoints of FUSE: Linux 6.11 and later, as root). */
export function canCount(): boolean {
  if (!existsSync(join(TRACING, "events"))) {
    execFileSync("mount", ["-t", "tracefs", "tracefs", TRACING]);
  }
  return existsSync(join(TRACING, "events/fuse/fuse_request_send"));
}

/**
 * Counts, by the kernel's own tracepoint and so without trusting the server, what an action sends to a mount.
 *
 * @param mountpoint of a FUSE mount
 * @throws when canCount() is false
 */
export function countRequests(mountpoint: string, action: () => void): Requests {
  // The number of the connection is the minor part of the mount's device number (fs/fuse/inode.c).
  const device = statSync(mountpoint).dev;
  const connection = (device & 0xff) | ((device >>> 12) & ~0xff);
  mkdirSync(INSTANCE, { recursive: true });
  try {
    writeFileSync(join(INSTANCE, "buffer_size_kb"), String(BUFFER_KIB));
    writeFileSync(join(EVENT, "filter"), `connection == ${connection}`);
    writeFileSync(join(EVENT, "enable"), "1");
    action();
    writeFileSync(join(EVENT, "enable"), "0");
    return read();
  } finally {
    rmdirSync(INSTANCE);
  }
}

function read(): Requests {
  const counts = new Map<string, number>();
  for (const [, opcode = ""] of readFileSync(join(INSTANCE, "trace"), "latin1").matchAll(
    /opcode \d+ \((\w+)\)/g,
  )) {
    counts.set(opcode, (counts.get(opcode) ?? 0) + 1);
  }
  let total = 0;
  for (const cpu of readdirSync(join(INSTANCE, "per_cpu"))) {
    const stats = readFileSync(join(INSTANCE, "per_cpu", cpu, "stats"), "latin1");
    total += [...stats.matchAll(/^(?:entries|overrun): (\d+)$/gm)].reduce((sum, [, n]) => sum + Number(n), 0);
  }
  return { total, byOpcode: Object.fromEntries([...counts].sort(([, a], [, b]) => b - a)) };
}
