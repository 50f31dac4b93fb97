/** Waiting for what a network does in its own time: an election, a join, a commit. */
import { LedgerError } from '@coco/base';
import { cliError } from './errors.ts';

const pollMs = 50;

export interface Patience {
  /** What is waited for, as a sentence begins with it. */
  readonly what: string;
  readonly limitMs: number;
  /** Nobody waits any more. */
  readonly signal?: AbortSignal;
}

/**
 * Asks again and again until there is an answer. Refusals and faults are answers of a network that
 * is not there yet; the last one is thrown when the time is over.
 * @throws NodeDidNotStart, or what `ask` threw last
 */
export async function eventually<Result>(
  { what, limitMs, signal }: Patience,
  ask: () => Promise<Result | undefined>,
): Promise<Result> {
  const untilMs = performance.now() + limitMs;
  let last: unknown;
  for (;;) {
    try {
      const result = await ask();
      if (result !== undefined) return result;
      last = undefined;
    } catch (error) {
      if (!(error instanceof LedgerError)) throw error;
      last = error;
    }
    if (signal?.aborted || performance.now() >= untilMs) {
      const seconds = Math.round(limitMs / 1000);
      throw last ?? cliError('NodeDidNotStart', `${what} did not come in ${seconds} s.`);
    }
    await new Promise((done) => setTimeout(done, pollMs));
  }
}
