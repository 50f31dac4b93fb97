/**
 * The primary's line of batches: writes execute one after another, their entries collect in the
 * open batch, a batch is closed by a signature entry and proposed, and commits come back in order.
 * It owns the executed state (store, sequencer) and nothing outside it: signing, proposing and
 * deferring are ports, so that the simulator can drive it.
 *
 * Group commit (design, section 5): a batch closes when there is work and fewer than
 * `batchesInFlightMax` batches wait for their commit; no timer takes part.
 */

import type { CommittedBatch, Decision, Executed, OpenBatch, Write } from '@coco/adapter';
import { asSeqno, assert, type Seqno, type TransactionId, type View } from '@coco/base';
import { endpointError, type TransactionStatusTracker } from '@coco/endpoint';
import type { ReadView, Store, Transaction, WriteSet } from '@coco/kv';
import { type Batch, type Sequencer, singletonKey, treeMap } from '@coco/ledger';
import { nodeError } from './errors.ts';
import type {
  CommitObserver,
  PipelineMeasures,
  PipelinePorts,
  Sealer,
  TrackedTransaction,
} from './pipeline-ports.ts';

/**
 * While one batch is flushed, the next is signed; a third would only make batches smaller, and
 * each costs a signature.
 */
const batchesInFlightMax = 2;
/**
 * Bytes of entries that wait for their batch to close. With the largest transaction (8 MiB, the
 * store's limit in service-runtime.ts) on top, a batch stays below the replica's 16 MiB.
 */
const openEntryBytesMax = 6 * 1024 * 1024;

interface InFlight {
  readonly batch: Batch;
  readonly closedAtMs: number;
}

export class BatchPipeline {
  readonly measures: PipelineMeasures = { batches: 0, entries: 0, lastCommitMs: 0 };
  #store: Store;
  readonly #sequencer: Sequencer;
  readonly #tracker: TransactionStatusTracker;
  readonly #ports: PipelinePorts;
  readonly #uncommittedMax: number;
  readonly #sealers: Sealer[] = [];
  readonly #observers: CommitObserver[] = [];
  /** Batches proposed and not committed, oldest first. */
  readonly #inFlight: InFlight[] = [];
  /** Invariant: a write executes only while this is true. */
  #isExecuting = false;
  #isWriting = false;
  #isSigning = false;
  #isDeferred = false;
  #isRequested = false;
  /** The first batch of a created or recovered service holds its creating transaction. */
  #isFirstBatch = true;
  /** Invariant: every entry from here on is in the open batch. */
  #openFrom: Seqno;
  #committed: Seqno;
  /** Write sets since the pipeline began, while a recovery may have to apply them once more. */
  #recorded: { readonly seqno: Seqno; readonly writeSet: WriteSet }[] | undefined;
  /** While a recovery is unfinished its commits are not told: it may yet be discarded. */
  #withheld: { last: TransactionId | undefined } | undefined;
  #idle: (() => void)[] = [];

  constructor(options: {
    readonly store: Store;
    readonly sequencer: Sequencer;
    readonly tracker: TransactionStatusTracker;
    readonly ports: PipelinePorts;
    /** Entries that may wait for commit before writes are refused. */
    readonly uncommittedMax: number;
    /** A recovery: write sets are recorded and commits withheld until `endRecovery`. */
    readonly isRecovery?: boolean;
  }) {
    if (options.isRecovery) {
      this.#recorded = [];
      this.#withheld = { last: undefined };
    }
    this.#store = options.store;
    this.#sequencer = options.sequencer;
    this.#tracker = options.tracker;
    this.#ports = options.ports;
    this.#uncommittedMax = options.uncommittedMax;
    this.#openFrom = options.sequencer.nextSeqno;
    this.#committed = asSeqno(options.sequencer.nextSeqno - 1);
  }

  get isExecuting(): boolean {
    return this.#isExecuting;
  }

  get view(): View {
    return this.#sequencer.view;
  }

  get committedSeqno(): Seqno {
    return this.#committed;
  }

  /** Entries executed and not yet committed. */
  get uncommittedCount(): number {
    return this.#sequencer.nextSeqno - 1 - this.#committed;
  }

  /** The state at the last commit. */
  committedState(): ReadView {
    return this.#store.readAt(this.#committed);
  }

  /** The newest state; valid until the next write. */
  executedState(): ReadView {
    return this.#store.readAt(this.#store.seqno);
  }

  /** Resolves when nothing executed waits for its commit. */
  whenIdle(): Promise<void> {
    if (this.uncommittedCount === 0) return Promise.resolve();
    return new Promise((resolve) => this.#idle.push(resolve));
  }

  /**
   * Takes the whole state in place of the public one: `store` holds everything up to where this
   * pipeline began, and gets what was executed since. Called when nothing waits for commit.
   */
  replaceStore(store: Store): void {
    assert(this.uncommittedCount === 0, 'the state is replaced between batches');
    for (const { seqno, writeSet } of this.#recorded ?? []) store.apply(writeSet, seqno);
    assert(store.seqno === this.#store.seqno, 'the new state stands where the old one stood');
    store.seal();
    store.commit(this.#committed);
    this.#store = store;
  }

  /** The recovery holds: what it committed is told now. */
  endRecovery(): void {
    const last = this.#withheld?.last;
    this.#withheld = undefined;
    this.#recorded = undefined;
    if (last) this.#tracker.committed(last);
  }

  addSealer(sealer: Sealer): void {
    this.#sealers.push(sealer);
  }

  addObserver(observer: CommitObserver): void {
    this.#observers.push(observer);
  }

  /** The replica leads in the pipeline's view and everything older is committed. */
  startExecuting(): void {
    this.#tracker.startView(this.view, this.#sequencer.nextSeqno);
    this.#isExecuting = true;
    this.#closeSoon();
  }

  /**
   * Runs `write` alone and to completion; when it throws, nothing is written.
   * @throws NodeCannotHandleRequest, TooManyPendingTransactions, ForeignMap and what `write` throws
   */
  execute<Result>(
    write: (transaction: Transaction) => Write<Result>,
    maps?: ReadonlySet<string>,
  ): Executed<Result> {
    this.#ensureReady();
    return this.#run(write, maps);
  }

  /**
   * A transaction for a handler that waits: others write meanwhile. Its writes are taken by
   * `executeTracked`.
   * @throws NodeCannotHandleRequest, TooManyPendingTransactions
   */
  beginTracked(): TrackedTransaction {
    this.#ensureReady();
    // Sealed, the state stays readable beyond the commit of the batch that it lies in.
    this.#store.seal();
    const transaction = this.#store.begin({ tracksReads: true });
    return { transaction, store: this.#store, view: this.view };
  }

  /**
   * Writes what a tracked transaction wrote, if everything that it read would read the same now;
   * 'conflict' otherwise: then it has to run again.
   * @throws NodeCannotHandleRequest, TooManyPendingTransactions
   */
  executeTracked<Result>(
    tracked: TrackedTransaction,
    written: Write<Result>,
  ): Executed<Result> | 'conflict' {
    this.#ensureReady();
    if (!this.isCurrent(tracked)) return 'conflict';
    assert(!this.#isWriting, 'a write does not execute inside another');
    return this.#take(tracked.transaction, written);
  }

  /** Whether everything that it read would read the same in the present state and view. */
  isCurrent({ transaction, store, view }: TrackedTransaction): boolean {
    return store === this.#store && view === this.view && transaction.isCurrent();
  }

  /** Asks for a batch although nothing was executed: sealers may have something to write. */
  requestBatch(): void {
    this.#isRequested = true;
    this.#closeSoon();
  }

  /** Resolves when the id is committed, or never can be. */
  whenDecided(id: TransactionId): Promise<Decision> {
    return this.#tracker.whenDecided(id);
  }

  /** The replica committed every entry up to the end of a batch. */
  committed(lastSeqno: Seqno): void {
    while (this.#inFlight.length > 0) {
      const [first] = this.#inFlight as [InFlight];
      const batchLast = first.batch.signatureId.seqno;
      if (batchLast > lastSeqno) break;
      this.#inFlight.shift();
      this.#conclude(first, batchLast);
    }
    assert(this.#committed >= lastSeqno, 'the replica commits what was proposed, nothing else');
    this.#closeSoon();
  }

  /**
   * The node lost its office: everything above commit is discarded, and execution stops.
   * Invariant: the view that ends is never executed in again.
   */
  loseOffice(nextView: View): void {
    this.#isExecuting = false;
    this.#inFlight.length = 0;
    this.#store.rollback(this.#committed);
    this.#sequencer.rollback({ to: this.#committed, view: nextView });
    this.#tracker.rolledBack(this.#committed);
    this.#openFrom = asSeqno(this.#committed + 1);
    this.#recorded = this.#recorded?.filter(({ seqno }) => seqno <= this.#committed);
    for (const observer of this.#observers) observer.rolledBack(this.#committed);
    this.#tellIdle();
  }

  #ensureReady(): void {
    if (!this.#isExecuting) {
      throw nodeError('NodeCannotHandleRequest', 'This node does not execute transactions now.');
    }
    const isFull =
      this.uncommittedCount >= this.#uncommittedMax ||
      this.#sequencer.openEntryBytes >= openEntryBytesMax;
    if (!isFull) return;
    const message = 'Too many transactions wait to be committed; try again shortly.';
    throw endpointError('TooManyPendingTransactions', message, { limit: this.#uncommittedMax });
  }

  #run<Result>(
    write: (transaction: Transaction) => Write<Result>,
    maps: ReadonlySet<string> | undefined,
  ): Executed<Result> {
    assert(!this.#isWriting, 'a write does not execute inside another');
    this.#isWriting = true;
    try {
      const transaction = this.#store.begin(maps === undefined ? {} : { maps });
      return this.#take(transaction, write(transaction));
    } finally {
      this.#isWriting = false;
    }
  }

  #take<Result>(transaction: Transaction, written: Write<Result>): Executed<Result> {
    const { result, claimsDigest, isDiscarded = false, whenAppended } = written;
    if (isDiscarded || !transaction.hasWrites) return { result, id: undefined };
    const id = this.#append(transaction.writeSet(), claimsDigest);
    whenAppended?.(id);
    this.#closeSoon();
    return { result, id };
  }

  #append(writeSet: WriteSet, claimsDigest: Uint8Array | undefined): TransactionId {
    const seqno = this.#sequencer.nextSeqno;
    this.#apply(writeSet, seqno);
    try {
      const { id } = this.#sequencer.append(
        writeSet,
        claimsDigest === undefined ? {} : { claimsDigest },
      );
      this.#tracker.executed(id.seqno);
      this.measures.entries++;
      return id;
    } catch (error) {
      // The write set does not fit an entry: it must leave no trace in the state either.
      this.#store.rollback(asSeqno(seqno - 1));
      this.#recorded?.pop();
      throw error;
    }
  }

  #apply(writeSet: WriteSet, seqno: Seqno): void {
    this.#store.apply(writeSet, seqno);
    this.#recorded?.push({ seqno, writeSet });
  }

  #closeSoon(): void {
    if (this.#isDeferred || !this.#canClose()) return;
    this.#isDeferred = true;
    this.#ports.defer(() => {
      this.#isDeferred = false;
      if (this.#canClose()) this.#close();
    });
  }

  #canClose(): boolean {
    const hasWork = this.#sequencer.nextSeqno > this.#openFrom || this.#isRequested;
    return (
      hasWork && this.#isExecuting && !this.#isSigning && this.#inFlight.length < batchesInFlightMax
    );
  }

  #close(): void {
    this.#isRequested = false;
    for (const sealer of this.#sealers) this.#seal(sealer);
    if (this.#sequencer.nextSeqno === this.#openFrom) return;
    const closedAtMs = this.#ports.clock.monotonicMs();
    const pending = this.#sequencer.closeBatch(Math.floor(this.#ports.clock.nowMs() / 1000));
    // Of a signature entry the state keeps the tree alone: the signature is made later, and read
    // from the ledger. A recovery's replay keeps the same.
    this.#apply(treeWriteSet(pending.treeBytes), pending.id.seqno);
    this.#store.seal();
    this.#tracker.executed(pending.id.seqno);
    this.#openFrom = this.#sequencer.nextSeqno;
    this.#isSigning = true;
    void this.#sign(pending.id, { input: pending.input, closedAtMs });
  }

  #seal(sealer: Sealer): void {
    const batch: OpenBatch = {
      view: this.view,
      firstSeqno: this.#openFrom,
      sealSeqno: this.#sequencer.nextSeqno,
    };
    this.#run((transaction) => sealer.seal(transaction, batch), sealer.maps);
  }

  async #sign(
    id: TransactionId,
    work: { readonly input: Uint8Array; readonly closedAtMs: number },
  ): Promise<void> {
    const signature = await this.#ports.sign(work.input);
    this.#isSigning = false;
    // The office may have been lost meanwhile: then the batch went with the view.
    if (this.view !== id.view) return;
    const batch = this.#sequencer.completeBatch(signature);
    this.#inFlight.push({ batch, closedAtMs: work.closedAtMs });
    this.#ports.propose(batch, this.#isFirstBatch ? 'genesis' : 'batch');
    this.#isFirstBatch = false;
    this.#closeSoon();
  }

  #conclude(inFlight: InFlight, lastSeqno: Seqno): void {
    const { batch, closedAtMs } = inFlight;
    this.#committed = lastSeqno;
    this.#sequencer.commit(lastSeqno);
    this.#store.commit(lastSeqno);
    this.measures.batches++;
    this.measures.lastCommitMs = this.#ports.clock.monotonicMs() - closedAtMs;
    const committed: CommittedBatch = {
      view: batch.view,
      firstSeqno: batch.firstSeqno,
      lastSeqno,
      state: this.#store.readAt(lastSeqno),
    };
    for (const observer of this.#observers) observer.onCommitted(committed);
    // Last: who waits for a commit sees the derived state of it.
    const id = { view: batch.view, seqno: lastSeqno };
    if (this.#withheld) this.#withheld.last = id;
    else this.#tracker.committed(id);
    this.#tellIdle();
  }

  #tellIdle(): void {
    if (this.uncommittedCount > 0) return;
    for (const resolve of this.#idle.splice(0)) resolve();
  }
}

/** What a signature entry leaves in the state. */
function treeWriteSet(treeBytes: Uint8Array): WriteSet {
  return { maps: [{ name: treeMap, rows: [{ key: singletonKey, value: treeBytes }] }] };
}
