import { SEEK_DATA, SEEK_HOLE } from "../../sys/constants.js";
import { EINVAL, ENXIO, EOPNOTSUPP } from "../../sys/errno.js";
import { check } from "../../sys/error.js";
import { seek } from "../../sys/file.js";
import { ArchiveError, type Extent } from "./entry.js";

const BLOCK = 512;

/**
 * Finds where a file has data (lseek(2), SEEK_DATA).
 * @returns undefined for a file without holes, or where nobody can tell
 * @throws SysError
 */
export function extentsOf(fd: number, size: number, path: string): Extent[] | undefined {
  const extents: Extent[] = [];
  for (let at = 0; at < size; ) {
    const start = seek(fd, at, SEEK_DATA);
    if (start === -ENXIO) break;
    if (start === -EINVAL || start === -EOPNOTSUPP) return undefined;
    check(start, "lseek", path);
    const end = Math.min(check(seek(fd, start, SEEK_HOLE), "lseek", path), size);
    if (end > start) extents.push({ offset: start, length: end - start });
    at = end;
  }
  const isWhole = extents.length === 1 && extents[0]!.offset === 0 && extents[0]!.length === size;
  if (isWhole || size === 0) return undefined;
  // GNU tar tells where a file ends by an empty piece, when it ends in a hole.
  const last = extents.at(-1);
  if (last === undefined || last.offset + last.length < size) extents.push({ offset: size, length: 0 });
  return extents;
}

/** @returns the map of GNU tar's sparse format 1.0: decimal numbers, one a line, filled up to whole blocks */
export function encodeSparseMap(extents: readonly Extent[]): Buffer {
  let text = `${extents.length}\n`;
  for (const { offset, length } of extents) text += `${offset}\n${length}\n`;
  const bytes = Buffer.alloc(Math.ceil(text.length / BLOCK) * BLOCK);
  bytes.write(text, "latin1");
  return bytes;
}

/** @returns the pieces that pairs of numbers tell of. @throws ArchiveError */
export function parseSparseList(numbers: readonly string[]): Extent[] {
  const extents: Extent[] = [];
  let end = 0;
  for (let i = 0; i < numbers.length; i += 2) {
    const [offset, length] = [Number(numbers[i]), Number(numbers[i + 1])];
    const isGood =
      Number.isSafeInteger(offset) && Number.isSafeInteger(length) && offset >= end && length >= 0;
    if (!isGood) throw new ArchiveError("a damaged map of a sparse file");
    end = offset + length;
    extents.push({ offset, length });
  }
  return extents;
}

/** Reads the map of format 1.0, a block at a time. */
export async function readSparseMap(readBlock: () => Promise<Buffer>): Promise<Extent[]> {
  const numbers: string[] = [];
  let wanted = Number.POSITIVE_INFINITY;
  let rest = "";
  while (numbers.length < wanted) {
    const lines = (rest + (await readBlock()).latin1Slice()).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) {
      if (wanted === Number.POSITIVE_INFINITY) wanted = 2 * Number(line);
      else if (numbers.length < wanted) numbers.push(line);
    }
    if (Number.isNaN(wanted) || rest.length > BLOCK) throw new ArchiveError("a damaged map of a sparse file");
  }
  return parseSparseList(numbers);
}

/** struct sparse of GNU tar's old format: pairs of 12 octal digits. @returns the pairs up to an empty one */
export function oldSparsePairs(block: Buffer, start: number, count: number): string[] {
  const numbers: string[] = [];
  for (let i = 0; i < count * 2; i++) {
    const field = block.latin1Slice(start + i * 12, start + i * 12 + 12).replace(/[\0 ].*$/s, "");
    if (field === "") break;
    numbers.push(String(Number.parseInt(field, 8)));
  }
  return numbers;
}
