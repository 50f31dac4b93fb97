/**
 * How a node that is not the primary keeps up: every committed batch is verified, decrypted and
 * applied, as its execution was on the primary. What this node executed itself and lost with its
 * office comes this way too, if it commits after all.
 */

import { type CommittedBody, type LedgerSecrets, type OpenedEntry, openBatch } from '@coco/ledger';
import type { ReplicatedState } from './replicated-state.ts';

export interface FollowerOptions {
  readonly state: ReplicatedState;
  /** The secrets that the node's sequencer encrypts with. */
  readonly secrets: LedgerSecrets;
  /** The service's public key. */
  readonly serviceSpki: Uint8Array;
  /**
   * Called after each entry, before the next is decrypted: a rekey brings the secret of the
   * entries behind it, which the caller adds to `secrets`.
   */
  readonly onEntry?: (entry: OpenedEntry) => void;
}

export class BatchFollower {
  readonly #options: FollowerOptions;

  constructor(options: FollowerOptions) {
    this.#options = options;
  }

  /** @throws BatchUnverified, after which the node must end */
  follow(batch: CommittedBody): void {
    const { state, secrets, serviceSpki, onEntry } = this.#options;
    state.follow(openBatch(batch, secrets, onEntry), serviceSpki);
  }
}
