import { ArchiveError } from "./entry.js";

/** Reads a stream of bytes in pieces of the lengths that are asked for. */
export class ByteReader {
  /** Bytes read so far. */
  position = 0;
  private readonly source: AsyncIterator<Buffer>;
  private piece = Buffer.alloc(0);

  constructor(source: AsyncIterable<Buffer>) {
    this.source = source[Symbol.asyncIterator]();
  }

  /** @returns exactly so many bytes. @throws ArchiveError when there are less */
  async exactly(length: number): Promise<Buffer> {
    const pieces: Buffer[] = [];
    for (let missing = length; missing > 0; ) {
      const piece = await this.some(missing);
      pieces.push(piece);
      missing -= piece.length;
    }
    return pieces.length === 1 ? pieces[0]! : Buffer.concat(pieces);
  }

  /** @returns what is there, at least one byte and at most so many. @throws ArchiveError at the end */
  async some(most: number): Promise<Buffer> {
    if (!(await this.fill())) throw new ArchiveError("the archive ends too early");
    const piece = this.piece.subarray(0, most);
    this.piece = this.piece.subarray(piece.length);
    this.position += piece.length;
    return piece;
  }

  async skip(length: number): Promise<void> {
    for (let left = length; left > 0; ) left -= (await this.some(left)).length;
  }

  /** Reads what follows the end of an archive, so that its writer is not stopped by a closed pipe. */
  async drain(): Promise<void> {
    while (await this.fill()) this.piece = Buffer.alloc(0);
  }

  private async fill(): Promise<boolean> {
    while (this.piece.length === 0) {
      const next = await this.source.next();
      if (next.done === true) return false;
      this.piece = next.value as Buffer<ArrayBuffer>;
    }
    return true;
  }
}
