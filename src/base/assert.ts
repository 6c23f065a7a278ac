/** Raised when the program contradicts itself: a bug here, never a user's mistake. */
export class AssertionError extends Error {
  override readonly name = "AssertionError";
}

/**
 * States what must hold at this point.
 * @param condition what must hold
 * @param message what is wrong when it does not
 * @throws AssertionError
 */
export function assert(condition: unknown, message: string): asserts condition {
  if (!condition) throw new AssertionError(message);
}

/** For the branch of a switch that the type system says cannot be reached. */
export function unreachable(value: never): never {
  throw new AssertionError(`unreachable: ${String(value)}`);
}
