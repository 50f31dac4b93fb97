/**
 * What all requests of one interface may hold in memory at once: bodies that are here, and answers
 * that their clients have not read yet. Each is limited on its own; without this, thousands of
 * connections that stop half-way would add up to more than the machine has.
 */
import { endpointError } from '@coco/endpoint';

export class ByteBudget {
  readonly #bytesMax: number;
  #held = 0;

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  get held(): number {
    return this.#held;
  }

  get isFree(): boolean {
    return this.#held < this.#bytesMax;
  }

  /** @throws TooManyPendingTransactions when what is held has reached the limit */
  assertFree(): void {
    if (this.isFree) return;
    throw endpointError(
      'TooManyPendingTransactions',
      `Requests that are under way may hold ${this.#bytesMax} bytes together; try again shortly.`,
    );
  }

  /** What must be here in any case counts, too: a later `assertFree` refuses instead. */
  hold(bytes: number): void {
    this.#held += bytes;
  }

  release(bytes: number): void {
    this.#held -= bytes;
  }
}
