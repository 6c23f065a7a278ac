import { BLOCK } from "./header.js";

/** So many bytes are put together before they are written. */
const CHUNK = 1 << 18;

/** Takes the bytes of an archive; resolves when it can take more. */
export type Sink = (bytes: Buffer) => Promise<void>;

/** Puts small pieces together, and fills up blocks with zeros. */
export class ArchiveWriter {
  /** Bytes taken so far. */
  length = 0;
  private pieces: Buffer[] = [];
  private waiting = 0;

  constructor(private readonly sink: Sink) {}

  /** @param bytes must not change afterwards */
  async write(bytes: Buffer): Promise<void> {
    this.length += bytes.length;
    this.waiting += bytes.length;
    this.pieces.push(bytes);
    if (this.waiting >= CHUNK) await this.flush();
  }

  async pad(): Promise<void> {
    const rest = this.length % BLOCK;
    if (rest !== 0) await this.write(Buffer.alloc(BLOCK - rest));
  }

  /** Two blocks of zeros end an archive. */
  async end(): Promise<void> {
    await this.write(Buffer.alloc(2 * BLOCK));
    await this.flush();
  }

  private async flush(): Promise<void> {
    const bytes = Buffer.concat(this.pieces);
    this.pieces = [];
    this.waiting = 0;
    if (bytes.length > 0) await this.sink(bytes);
  }
}
