/**
 * A ledger as it grows on a node that holds none: from a snapshot, or from nothing, by committed
 * batches that other nodes give. Every entry is decrypted under the ledger secrets at its view and
 * seqno, which authenticates it, and the signed trees must be the one here; across recoveries, the
 * ledger itself says who signs. It counts once `finish` has shown that the service of today signed
 * the last batch: its root covers everything before.
 */
import { equalBytes, refuse, type Seqno, type TransactionId } from '@coco/base';
import { Store } from '@coco/kv';
import { acceptBatch, type CommittedBody, LedgerVerifier, type VerifierStart } from '@coco/ledger';
import { adoptSecret, type SecretReceiver } from './adopt-secret.ts';
import { historyOf, replay } from './load-ledger.ts';
import { storeLimits } from './store-limits.ts';

/** A state, and where in the ledger it stands. */
export interface LedgerStart extends VerifierStart {
  readonly store: Store;
}

/** A whole ledger, for a node to adopt. */
export interface GrownLedger {
  readonly store: Store;
  readonly tree: VerifierStart['tree'];
  /** The last signature. */
  readonly id: TransactionId;
  /** The start of each view. */
  readonly history: readonly TransactionId[];
  /** Bytes of entries in the chunk file that grows. */
  readonly openChunkBytes: number;
}

export class GrowingLedger {
  readonly #receiver: SecretReceiver;
  readonly #verifier: LedgerVerifier;
  readonly #store: Store;
  #openChunkBytes = 0;

  constructor(receiver: SecretReceiver, start?: LedgerStart) {
    const { secrets } = receiver;
    this.#receiver = receiver;
    this.#store = start?.store ?? new Store(storeLimits);
    const shared = { secrets, signatures: 'last' } as const;
    this.#verifier = new LedgerVerifier(start ? { ...shared, start } : shared);
  }

  /** The seqno that the next batch must begin with. */
  get next(): Seqno {
    return this.#verifier.next;
  }

  /** @throws BatchUnverified, DecryptionFailed, GovernanceRowInvalid: nothing has changed then */
  take(batch: CommittedBody): void {
    const entries = acceptBatch(this.#verifier, batch, ({ entry: { id }, writeSet }) =>
      adoptSecret({ id, writeSet }, this.#receiver),
    );
    replay(this.#store, entries, () => true);
    const { isChunkEnd } = this.#verifier;
    this.#openChunkBytes = isChunkEnd ? 0 : this.#openChunkBytes + batch.body.length;
  }

  /** The ledger, proven by its last signature. Ends this object. @throws InvalidInput */
  finish(serviceSpki: Uint8Array): GrownLedger {
    const verifier = this.#verifier;
    const { id, service } = verifier.signed;
    verifier.settle();
    if (!service || !equalBytes(service.certificate.spki, serviceSpki)) {
      throw refuse('InvalidInput', 'The ledger is not one of this service.');
    }
    return {
      store: this.#store,
      history: historyOf(verifier.signedViews()),
      tree: verifier.takeTree(),
      id,
      openChunkBytes: this.#openChunkBytes,
    };
  }
}
