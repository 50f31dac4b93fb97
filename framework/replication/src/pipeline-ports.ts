/** What surrounds the batch pipeline: who seals and observes its batches, and its ports. */
import type { CommittedBatch, OpenBatch, Write } from '@coco/adapter';
import type { Clock, Log, Seqno, View } from '@coco/base';
import type { Store, Transaction } from '@coco/kv';
import type { Batch } from '@coco/ledger';
import { Histogram } from './histogram.ts';

const batchEntriesBounds = [2, 5, 10, 20, 50, 100, 200, 500, 1000, 5000];
const commitSecondsBounds = [0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5];

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

export class PipelineMeasures {
  /** Committed ones of this primary. */
  batches = 0;
  /** Executed here. */
  entries = 0;
  /** Times that office was lost. */
  rollbacks = 0;
  lastCommitMs = 0;
  readonly batchEntries: Histogram = new Histogram(batchEntriesBounds);
  readonly commitSeconds: Histogram = new Histogram(commitSecondsBounds);

  /** A batch of so many entries, so long after it was closed. */
  committed(entryCount: number, ms: number): void {
    this.batches++;
    this.lastCommitMs = ms;
    this.batchEntries.note(entryCount);
    this.commitSeconds.note(ms / 1000);
  }
}

/** A transaction that runs while others write, and the state that it began on. */
export interface TrackedTransaction {
  readonly transaction: Transaction;
  readonly store: Store;
  readonly view: View;
}
