/** What surrounds the batch pipeline: who seals and observes its batches, and its ports. */
import type { CommittedBatch, OpenBatch, Write } from '@coco/adapter';
import type { Clock, Log, Seqno, View } from '@coco/base';
import type { Store, Transaction } from '@coco/kv';
import type { Batch } from '@coco/ledger';

/** What concludes a batch (an adapter's block) before it is signed. */
export interface Sealer {
  readonly name: string;
  /** The maps that it can touch. */
  readonly maps: ReadonlySet<string>;
  seal(transaction: Transaction, batch: OpenBatch): Write<void>;
}

/** Who keeps derived state. */
export interface CommitObserver {
  onCommitted(batch: CommittedBatch): void;
  rolledBack(to: Seqno): void;
}

/** What a batch is in its view: see BatchKind of @coco/consensus. */
export type ProposalKind = 'genesis' | 'opening' | 'batch';

export interface PipelinePorts {
  readonly clock: Clock;
  readonly log: Log;
  /** Signs COSE's to-be-signed bytes with the service's key, off this thread. */
  sign(input: Uint8Array): Promise<Uint8Array>;
  /** Hands a signed batch to the replica; batches come in order. */
  propose(batch: Batch, kind: ProposalKind): void;
  /** Calls back soon, after what is already waiting to run. */
  defer(callback: () => void): void;
}

export interface PipelineMeasures {
  batches: number;
  entries: number;
  lastCommitMs: number;
}

/** A transaction that runs while others write, and the state that it began on. */
export interface TrackedTransaction {
  readonly transaction: Transaction;
  readonly store: Store;
  readonly view: View;
}
