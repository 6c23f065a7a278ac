import type { ByteReader } from "./byte-reader.js";
import { type ArchiveEntry, ArchiveError, type Extent } from "./entry.js";
import { BLOCK, decodeEntry, decodeHeader, type RawHeader, storedSize } from "./header.js";
import { decodePax, type PaxRecords } from "./pax.js";
import { oldSparsePairs, parseSparseList, readSparseMap } from "./sparse.js";

/** Longest extended header or name, in bytes; attributes of a file are 64 KiB each at most. */
const MOST_META = 64 << 20;

/** An entry with its data, which has to be read before the next one is asked for; what is left of it is skipped. */
export interface Member {
  readonly entry: ArchiveEntry;
  /** Pieces of data: as the entry's extents, or one that is the whole. */
  readonly extents: readonly Extent[];
  /** Reads data. @returns at least one byte and at most so many */
  read(most: number): Promise<Buffer>;
}

/** Reads tar archives: ustar, pax, and those of GNU tar, with all three ways of sparse files. */
export class ArchiveReader {
  /** Types of entries that were skipped because nobody knows them. */
  readonly unknown = new Set<string>();
  private readonly global: PaxRecords = new Map();
  private left = 0;

  constructor(private readonly bytes: ByteReader) {}

  /** @returns the next entry, or undefined at the end. @throws ArchiveError */
  async next(): Promise<Member | undefined> {
    await this.bytes.skip(this.left);
    this.left = 0;
    const records: PaxRecords = new Map(this.global);
    for (;;) {
      const header = decodeHeader(await this.bytes.exactly(BLOCK));
      if (header === undefined) {
        await this.bytes.drain();
        return undefined;
      }
      if (await this.isMeta(header, records)) continue;
      const member = await this.member(header, records);
      if (member !== undefined) return member;
      this.unknown.add(header.flag);
      await this.bytes.skip(this.left);
      this.left = 0;
      records.clear();
    }
  }

  /** @returns whether it was a header that says something about the next one, and is taken over */
  private async isMeta({ flag, fields }: RawHeader, records: PaxRecords): Promise<boolean> {
    if (!"xgXLK".includes(flag)) return false;
    const size = fields.size ?? 0;
    if (size > MOST_META) throw new ArchiveError("an extended header is too long");
    const body = await this.bytes.exactly(size);
    await this.bytes.skip((BLOCK - (size % BLOCK)) % BLOCK);
    const name = body.latin1Slice().replace(/\0.*$/s, "");
    if (flag === "L") records.set("path", name);
    else if (flag === "K") records.set("linkpath", name);
    else {
      if (flag === "g") decodePax(body, this.global);
      decodePax(body, records);
    }
    return true;
  }

  private async member(header: RawHeader, records: PaxRecords): Promise<Member | undefined> {
    const stored = storedSize(header.fields, records);
    const carriesData = header.flag !== "1" && header.flag !== "2" && header.flag !== "5";
    this.left = carriesData ? Math.ceil(stored / BLOCK) * BLOCK : 0;
    const entry = decodeEntry(header, records);
    if (entry === undefined) return undefined;
    if (entry.type !== "file") return { entry, extents: [], read: () => this.noData() };
    const before = this.left;
    const sparse = await this.sparseEntry(entry, header, records);
    const extents = sparse.extents ?? [{ offset: 0, length: sparse.size }];
    const end = extents.reduce((most, { offset, length }) => Math.max(most, offset + length), 0);
    const length = extents.reduce((sum, piece) => sum + piece.length, 0);
    const available = header.flag === "S" ? stored : stored - (before - this.left);
    if (end > sparse.size || length > available) throw new ArchiveError("a damaged map of a sparse file");
    return { entry: sparse, extents, read: (most) => this.data(most) };
  }

  private async sparseEntry(
    entry: ArchiveEntry,
    header: RawHeader,
    records: PaxRecords,
  ): Promise<ArchiveEntry> {
    if (header.flag === "S") return await this.oldSparse(entry, header.block);
    if (records.get("GNU.sparse.major") !== "1") return entry;
    const extents = await readSparseMap(() => this.data(BLOCK, true));
    return { ...entry, extents };
  }

  /** GNU tar's old format: the map is in the header, and goes on in blocks after it. */
  private async oldSparse(entry: ArchiveEntry, block: Buffer): Promise<ArchiveEntry> {
    const numbers = oldSparsePairs(block, 386, 4);
    for (let isExtended = block[482] === 1; isExtended; ) {
      const more = await this.bytes.exactly(BLOCK);
      numbers.push(...oldSparsePairs(more, 0, 21));
      isExtended = more[504] === 1;
    }
    const size = realSizeOf(block);
    return { ...entry, size, extents: parseSparseList(numbers) };
  }

  private async data(most: number, all = false): Promise<Buffer> {
    if (this.left < (all ? most : 1)) throw new ArchiveError("a damaged map of a sparse file");
    const length = Math.min(most, this.left);
    const bytes = all ? await this.bytes.exactly(length) : await this.bytes.some(length);
    this.left -= bytes.length;
    return bytes;
  }

  private async noData(): Promise<never> {
    throw new ArchiveError("an entry has no data");
  }
}

/** The size of a file in GNU tar's old sparse header: octal, or binary when the first bit is set. */
function realSizeOf(block: Buffer): number {
  if ((block[483]! & 0x80) !== 0) return Number(block.readBigUInt64BE(487));
  return Number.parseInt(block.latin1Slice(483, 495), 8) || 0;
}
