/** Milliseconds for which it is asked again. To ask for longer than a wake-up takes cannot pay. */
const MOST_MS = 0.1;
/** So many requests in a row that came within that time show that it is worth it. */
const ENOUGH = 2;

/**
 * Whether to ask the device again instead of sleeping until it wakes us, which costs more. It is worth it while requests
 * follow each other, and only then. Who asks now and then is not served sooner by it, but must wait until we give up
 * where the scheduler has put the two of us on one processor; and the scheduler counts it as work, so that where
 * processors are scarce the next request waits for others to have theirs first.
 */
export class Patience {
  private soon = 0;

  /** To be told of each request that was waited for. @param pause milliseconds since the last answer */
  note(pause: number): void {
    this.soon = pause > MOST_MS ? 0 : this.soon + 1;
  }

  /** @param idle milliseconds since the last answer */
  allows(idle: number): boolean {
    return this.soon >= ENOUGH && idle <= MOST_MS;
  }
}
