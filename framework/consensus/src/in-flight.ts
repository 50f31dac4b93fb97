/**
 * What this leader has proposed in its view and what has not committed yet. Raft's own limit is
 * off, because a dropped proposal costs the view; this bound refuses before anything is sealed
 * (design.md 5, rule A).
 */
import type { View } from '@coco/base';
import { assert } from '@coco/base';
import { consensusError } from './errors.ts';
import type { Handle } from './handle.ts';
import type { ReplicaLimits } from './limits.ts';

export interface InFlightSize {
  readonly batches: number;
  readonly bytes: number;
}

export class InFlight {
  readonly #limits: Pick<ReplicaLimits, 'inFlightBatchesMax' | 'inFlightBytesMax'>;
  #batches = 0;
  #bytes = 0;

  constructor(limits: Pick<ReplicaLimits, 'inFlightBatchesMax' | 'inFlightBytesMax'>) {
    this.#limits = limits;
  }

  get size(): InFlightSize {
    return { batches: this.#batches, bytes: this.#bytes };
  }

  /** @throws TooManyInFlight when one more of these bytes has no room. */
  mustHaveRoom(bytes: number): void {
    const { inFlightBatchesMax, inFlightBytesMax } = this.#limits;
    if (this.#batches < inFlightBatchesMax && this.#bytes + bytes <= inFlightBytesMax) return;
    throw consensusError('TooManyInFlight', 'Too much waits for commit.', {
      batches: this.#batches,
      bytes: this.#bytes,
    });
  }

  proposed(handle: Handle): void {
    this.#batches += 1;
    this.#bytes += handle.bodyBytes;
  }

  /** A batch was committed; only those of this leader's view were counted. */
  committed(handle: Handle, ledView: View | undefined): void {
    if (handle.view !== ledView) return;
    this.#batches -= 1;
    this.#bytes -= handle.bodyBytes;
    assert(this.#batches >= 0, 'a leader commits in its view only what it proposed');
  }

  loseOffice(): void {
    this.#batches = 0;
    this.#bytes = 0;
  }
}
