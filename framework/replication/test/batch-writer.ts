/** Batches for replicas without a main thread: entries in order, signed by nobody. */

import { asSeqno, asView, concatBytes } from '@coco/base';
import { sha256 } from '@coco/crypto';
import { encodeEntry, LedgerSecrets, NonceGuard } from '@coco/ledger';
import type { ProposedBatch } from '../src/replica-messages.ts';

/** Batches of one view: what they hold is nothing to the host but entries in order. */
export class BatchWriter {
  readonly #view: number;
  readonly #secret = new LedgerSecrets([{ fromSeqno: asSeqno(1), key: new Uint8Array(32) }]);
  readonly #guard = new NonceGuard();
  #next = 1;

  constructor(view: number, next = 1) {
    this.#view = view;
    this.#next = next;
  }

  open(): ProposedBatch {
    return this.#batch('opening', [10]);
  }

  next(...sizes: number[]): ProposedBatch {
    return this.#batch('batch', sizes);
  }

  #batch(kind: ProposedBatch['kind'], sizes: readonly number[]): ProposedBatch {
    const firstSeqno = asSeqno(this.#next);
    const body = concatBytes(...sizes.map((size) => this.#entry(size)));
    const view = asView(this.#view);
    const digest = new Uint8Array(sha256(body));
    return { kind, view, firstSeqno, entryCount: sizes.length, body, digest };
  }

  #entry(size: number): Uint8Array {
    const id = { view: asView(this.#view), seqno: asSeqno(this.#next++) };
    const rows = [{ key: new Uint8Array(1), value: new Uint8Array(size) }];
    return encodeEntry(
      { secret: this.#secret.secretFor(id.seqno), guard: this.#guard },
      {
        id,
        flags: 0,
        writeSet: { maps: [{ name: 'test.rows', rows }] },
        claimsDigest: new Uint8Array(32),
        commitEvidenceDigest: new Uint8Array(32),
      },
    );
  }
}
