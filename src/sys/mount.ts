import { readFileSync } from "node:fs";
import { type RawName, rawFromBuffer } from "../base/bytes.js";
import { cFunction, result } from "./ffi.js";
import { cname, cname2, cname3 } from "./scratch.js";

const cMount = cFunction("int mount(void *, void *, void *, unsigned long, void *)");
const cUmount2 = cFunction("int umount2(void *, int)");

/** mount(2). @param flags MS_*. @param data file system options, comma-separated. @returns 0 or -errno */
export function mount(source: RawName, target: RawName, type: string, flags: number, data: string): number {
  const options = Buffer.from(`${data}\0`, "latin1");
  return result(cMount(cname(source), cname2(target), cname3(type), flags, options));
}

/** umount2(2). @param flags MNT_* */
export function umount(target: RawName, flags: number): number {
  return result(cUmount2(cname(target), flags));
}

/** What is mounted: a directory or file of a file system. */
export interface MountRoot {
  readonly major: number;
  readonly minor: number;
  /** Its path inside its file system. */
  readonly root: RawName;
}

/** One line of /proc/self/mountinfo (proc(5)); octal escapes are undone. */
export interface MountInfo extends MountRoot {
  readonly id: number;
  readonly parent: number;
  readonly mountPoint: RawName;
  readonly options: string;
  readonly type: string;
  readonly source: RawName;
  readonly superOptions: string;
}

const unescapeOctal = (field: string): RawName =>
  field.replace(/\\([0-7]{3})/g, (_, octal: string) =>
    String.fromCharCode(Number.parseInt(octal, 8)),
  ) as RawName;

/** @returns the mounts that this process sees, in order; a later one covers an earlier one */
export function readMountInfo(path = "/proc/self/mountinfo"): MountInfo[] {
  const mounts: MountInfo[] = [];
  for (const line of rawFromBuffer(readFileSync(path)).split("\n")) {
    const fields = line.split(" ");
    const dash = fields.indexOf("-", 6);
    if (dash < 0) continue;
    const [major, minor] = fields[2]!.split(":").map(Number);
    mounts.push({
      id: Number(fields[0]),
      parent: Number(fields[1]),
      major: major!,
      minor: minor!,
      root: unescapeOctal(fields[3]!),
      mountPoint: unescapeOctal(fields[4]!),
      options: fields[5]!,
      type: fields[dash + 1]!,
      source: unescapeOctal(fields[dash + 2] ?? ""),
      superOptions: fields[dash + 3] ?? "",
    });
  }
  return mounts;
}
