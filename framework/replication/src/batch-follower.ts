/**
 * How a node that is not the primary keeps up: every committed batch is verified, decrypted and
 * applied, as its execution was on the primary. What this node executed itself and lost with its
 * office comes this way too, if it commits after all.
 */

import { LedgerError } from '@coco/base';
import { type CommittedBody, type LedgerSecrets, type OpenedEntry, openBatch } from '@coco/ledger';
import type { SecretOutcome } from './adopt-secret.ts';
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
  readonly onEntry?: (entry: OpenedEntry) => SecretOutcome;
}

export class BatchFollower {
  readonly #options: FollowerOptions;
  #isLockedOut = false;

  constructor(options: FollowerOptions) {
    this.#options = options;
  }

  /**
   * Whether the ledger goes on under a secret that this node was not given: the members have
   * retired it. Its state stands still from then on; only its vote in Raft is still needed.
   */
  get isLockedOut(): boolean {
    return this.#isLockedOut;
  }

  /** @throws BatchUnverified, after which the node must end */
  follow(batch: CommittedBody): void {
    if (this.#isLockedOut) return;
    const { state, secrets, serviceSpki, onEntry } = this.#options;
    try {
      const opened = openBatch(batch, secrets, (entry) => {
        if (onEntry?.(entry) === 'withheld') this.#isLockedOut = true;
      });
      state.follow(opened, serviceSpki);
    } catch (error) {
      // What follows the rekey in its batch does not open.
      if (!this.#isLockedOut || !(error instanceof LedgerError)) throw error;
    }
  }
}
