import type { Kind } from "../../store/types.js";

/** Moves that are remembered for listings under way. */
const MOST_MOVES = 16384;
const EPOCHS = 2 ** 22;
const ID_BITS = 40n;
const ID_MASK = (1n << ID_BITS) - 1n;
/** Cookies 1 and 2 stand behind `.` and `..`. */
const FIRST = 2n;

interface Move {
  readonly epoch: number;
  readonly kind: Kind;
  readonly key: string;
}

/**
 * Where a listing goes on. There are no directory handles, so a cookie alone must say after which key, also when that
 * snapshot was renamed, committed or removed since: it holds the snapshot's id and the number of moves so far.
 */
export class Moves {
  private epoch = 0;
  private readonly byId = new Map<number, Move[]>();
  private readonly order: Map<number, number> = new Map();

  /** Tells that a snapshot has left its name. */
  left(id: number, kind: Kind, key: string): void {
    this.epoch++;
    const moves = this.byId.get(id) ?? [];
    moves.push({ epoch: this.epoch, kind, key });
    this.byId.set(id, moves);
    this.order.set(this.epoch, id);
    if (this.order.size > MOST_MOVES) this.forgetOldest();
  }

  /** @returns the cookie of the position after a snapshot that is listed now */
  cookie(id: number): bigint {
    return (BigInt(this.epoch % EPOCHS) << ID_BITS) | (BigInt(id) + FIRST);
  }

  /** @returns the snapshot that a cookie names, and under which key it was listed if it has left that one since */
  resume(cookie: bigint): { id: number; left: { kind: Kind; key: string } | undefined } {
    const id = Number((cookie & ID_MASK) - FIRST);
    const ago = (((this.epoch - Number(cookie >> ID_BITS)) % EPOCHS) + EPOCHS) % EPOCHS;
    const since = this.epoch - ago;
    return { id, left: this.byId.get(id)?.find((move) => move.epoch > since) };
  }

  private forgetOldest(): void {
    for (const [epoch, id] of this.order) {
      this.order.delete(epoch);
      const moves = this.byId.get(id)!;
      moves.shift();
      if (moves.length === 0) this.byId.delete(id);
      return;
    }
  }
}
