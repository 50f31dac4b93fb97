/**
 * Assertions of our own bugs. They stay on in production: an invariant that does not hold means
 * that the next write could damage the ledger, so the node stops instead. Nothing catches BugError
 * except the outermost frame of a process, which logs it and ends.
 */

export class BugError extends Error {
  override readonly name: string = 'BugError';
}

/** @throws BugError when `condition` is false; `sentence` says what must be true. */
export function assert(condition: boolean, sentence: string): asserts condition {
  if (!condition) throw new BugError(sentence);
}

/** Marks a branch that the types prove unreachable. */
export function unreachable(value: never): never {
  throw new BugError(`unreachable value ${String(value)}`);
}

/** Unwraps a value that an invariant says is there. */
export function present<Value>(value: Value | undefined | null, sentence: string): Value {
  assert(value !== undefined && value !== null, sentence);
  return value;
}
