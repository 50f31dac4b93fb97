/**
 * The primary's line of batches: writes execute one after another, their entries collect in the
 * open batch, a batch is closed by a signature entry and proposed, and commits come back in order.
 * Signing, proposing and deferring are ports, so that the simulator can drive it.
 *
 * A node takes office, loses it and takes it again, each time in a higher view: `startExecuting`
 * and `loseOffice` alternate. In between others execute, and batch-follower.ts grows the state.
 *
 * Group commit (design, section 5): a batch closes when there is work and fewer than
 * `batchesInFlightMax` batches wait for their commit; under load a little later (batch-timing.ts).
 */

import type { Decision, Executed, OpenBatch, Write } from '@coco/adapter';
import { assert, type Seqno, type TransactionId, type View } from '@coco/base';
import { endpointError } from '@coco/endpoint';
import type { ReadView, Store, Transaction, WriteSet } from '@coco/kv';
import type { Batch, PendingSignature } from '@coco/ledger';
import { BatchTiming, type ClosedBatch } from './batch-timing.ts';
import { replicationError } from './errors.ts';
import {
  type CommitObserver,
  PipelineMeasures,
  type PipelinePorts,
  type ProposalKind,
  type Sealer,
  type TrackedTransaction,
} from './pipeline-ports.ts';
import { ReplicatedState, type ReplicatedStateParts } from './replicated-state.ts';
import { WriteGate, type Writer } from './write-gate.ts';

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
  readonly closed: ClosedBatch;
}

export class BatchPipeline {
  readonly measures: PipelineMeasures = new PipelineMeasures();
  readonly state: ReplicatedState;
  /** Who is refused when disk or memory runs short. */
  readonly gate: WriteGate = new WriteGate();
  readonly #ports: PipelinePorts;
  readonly #uncommittedMax: number;
  readonly #timing: BatchTiming;
  readonly #sealers: Sealer[] = [];
  /** Batches proposed and not committed, oldest first. */
  readonly #inFlight: InFlight[] = [];
  /** Invariant: entries are made only while this is true. */
  #isInOffice = false;
  /** Before a hand-over: nothing new is executed, what was executed still commits. */
  #isDraining = false;
  #isWriting = false;
  #isSigning = false;
  #isDeferred = false;
  #isRequested = false;
  /** What the next batch is to the ledger. */
  #nextKind: ProposalKind = 'batch';
  /** Invariant: in office, every entry from here on is in the open batch. */
  #openFrom: Seqno;

  constructor(
    options: ReplicatedStateParts & {
      readonly ports: PipelinePorts;
      /** Entries that may wait for commit before writes are refused. */
      readonly uncommittedMax: number;
      /** How long a batch may wait under load to become larger; 0, the default: not at all. */
      readonly gatherMs?: number;
    },
  ) {
    this.state = new ReplicatedState(options);
    this.#ports = options.ports;
    this.#uncommittedMax = options.uncommittedMax;
    this.#timing = new BatchTiming(options.ports.clock, options.gatherMs ?? 0);
    this.#openFrom = options.sequencer.nextSeqno;
  }

  /** Whether writes execute here now. */
  get isExecuting(): boolean {
    return this.#isInOffice && !this.#isDraining;
  }

  /** Whether this node is the primary; then nobody else executes. */
  get isInOffice(): boolean {
    return this.#isInOffice;
  }

  /** In office its view; otherwise the last one that is in the ledger here, or above it. */
  get view(): View {
    return this.state.sequencer.view;
  }

  get committedSeqno(): Seqno {
    return this.state.committed;
  }

  /** Entries executed and not yet committed. */
  get uncommittedCount(): number {
    return this.state.uncommittedCount;
  }

  /** The state at the last commit. */
  committedState(): ReadView {
    return this.state.committedState();
  }

  /** The newest state; valid until the next write. */
  executedState(): ReadView {
    return this.state.executedState();
  }

  /** Resolves when nothing executed waits for its commit. */
  whenIdle(): Promise<void> {
    this.#closeSoon();
    return this.state.whenIdle();
  }

  /** See ReplicatedState. */
  replaceStore(store: Store): void {
    this.state.replaceStore(store);
  }

  /** The recovery holds: what it committed is told now. */
  endRecovery(): void {
    this.state.endRecovery();
  }

  addSealer(sealer: Sealer): void {
    this.#sealers.push(sealer);
  }

  addObserver(observer: CommitObserver): void {
    this.state.addObserver(observer);
  }

  /**
   * This node is the primary of `view`: the replica leads, and everything older is committed and
   * here. In a service that lives, the first batch is a signature alone, so that every older id is
   * decided; the first one of a created or recovered service holds its creating transaction.
   */
  startExecuting(view: View = this.view): void {
    assert(!this.#isInOffice, 'office is lost before it is taken again');
    const { sequencer, tracker } = this.state;
    const opensView = sequencer.opensView;
    if (opensView) sequencer.startView(view);
    assert(sequencer.view === view, 'a service begins in the view that its ledger names');
    this.#isInOffice = true;
    this.#isDraining = false;
    this.#nextKind = opensView ? 'opening' : 'genesis';
    this.#openFrom = sequencer.nextSeqno;
    tracker.startView(view, sequencer.nextSeqno);
    if (opensView) this.#endBatch(0);
    this.#closeSoon();
  }

  /**
   * Executes nothing new until `resumeExecuting`: before office is handed over, all of it has to
   * commit.
   */
  drain(): void {
    this.#isDraining = true;
    this.#closeSoon();
  }

  /** The hand-over did not come about. */
  resumeExecuting(): void {
    this.#isDraining = false;
    this.#closeSoon();
  }

  /**
   * Runs `write` alone and to completion; when it throws, nothing is written.
   * With `maps` it is an adapter's, which is refused first when room runs short.
   * @throws NodeCannotHandleRequest, TooManyPendingTransactions, StorageFull, MemoryFull,
   * ForeignMap and what `write` throws
   */
  execute<Result>(
    write: (transaction: Transaction) => Write<Result>,
    maps?: ReadonlySet<string>,
  ): Executed<Result> {
    const writer = maps === undefined ? 'governance' : 'application';
    this.#ensureReady(writer);
    return this.#run(write, { writer, maps });
  }

  /**
   * A transaction for a handler that waits: others write meanwhile. Its writes are taken by
   * `executeTracked`.
   * @throws NodeCannotHandleRequest, TooManyPendingTransactions, StorageFull
   */
  beginTracked(): TrackedTransaction {
    this.#ensureReady('governance');
    // Sealed, the state stays readable beyond the commit of the batch that it lies in.
    const { store } = this.state;
    store.seal();
    const transaction = store.begin({ tracksReads: true });
    return { transaction, store, view: this.view };
  }

  /**
   * Writes what a tracked transaction wrote, if everything that it read would read the same now;
   * 'conflict' otherwise: then it has to run again.
   * @throws NodeCannotHandleRequest, TooManyPendingTransactions, StorageFull, MemoryFull
   */
  executeTracked<Result>(
    tracked: TrackedTransaction,
    written: Write<Result>,
  ): Executed<Result> | 'conflict' {
    this.#ensureReady('governance');
    if (!this.isCurrent(tracked)) return 'conflict';
    assert(!this.#isWriting, 'a write does not execute inside another');
    return this.#take(tracked.transaction, written, 'governance');
  }

  /** Whether everything that it read would read the same in the present state and view. */
  isCurrent({ transaction, store, view }: TrackedTransaction): boolean {
    return store === this.state.store && view === this.view && transaction.isCurrent();
  }

  /** Asks for a batch although nothing was executed: sealers may have something to write. */
  requestBatch(): void {
    this.#isRequested = true;
    this.#closeSoon();
  }

  /** Resolves when the id is committed, or never can be. */
  whenDecided(id: TransactionId): Promise<Decision> {
    return this.state.tracker.whenDecided(id);
  }

  /** The replica committed every entry up to the end of a batch of this primary. */
  committed(lastSeqno: Seqno): void {
    while (this.#inFlight.length > 0) {
      const [first] = this.#inFlight as [InFlight];
      const batchLast = first.batch.signatureId.seqno;
      if (batchLast > lastSeqno) break;
      this.#inFlight.shift();
      this.#conclude(first, batchLast);
    }
    assert(this.committedSeqno >= lastSeqno, 'the replica commits what was proposed, nothing else');
    this.#closeSoon();
  }

  /**
   * The node lost its office: everything above commit is discarded, and execution stops.
   * Invariant: the view that ends is never executed in again; the next one is `nextView` at least.
   */
  loseOffice(nextView: View): void {
    this.measures.rollbacks++;
    this.#isInOffice = false;
    this.#isSigning = false;
    this.#isRequested = false;
    this.#inFlight.length = 0;
    this.#timing.endWait();
    this.state.rollback(nextView);
  }

  #ensureReady(writer: Writer): void {
    if (!this.isExecuting) {
      throw replicationError(
        'NodeCannotHandleRequest',
        'This node does not execute transactions now.',
      );
    }
    this.gate.ensureStorage(writer);
    const isFull =
      this.uncommittedCount >= this.#uncommittedMax ||
      this.state.sequencer.openEntryBytes >= openEntryBytesMax;
    if (!isFull) return;
    const message = 'Too many transactions wait to be committed; try again shortly.';
    throw endpointError('TooManyPendingTransactions', message, { limit: this.#uncommittedMax });
  }

  #run<Result>(
    write: (transaction: Transaction) => Write<Result>,
    by: { readonly writer: Writer | 'sealer'; readonly maps: ReadonlySet<string> | undefined },
  ): Executed<Result> {
    assert(!this.#isWriting, 'a write does not execute inside another');
    this.#isWriting = true;
    const { writer, maps } = by;
    try {
      const transaction = this.state.store.begin(maps === undefined ? {} : { maps });
      return this.#take(transaction, write(transaction), writer);
    } finally {
      this.#isWriting = false;
    }
  }

  #take<Result>(
    transaction: Transaction,
    written: Write<Result>,
    writer: Writer | 'sealer',
  ): Executed<Result> {
    const { result, claimsDigest, isDiscarded = false, whenAppended } = written;
    if (isDiscarded || !transaction.hasWrites) return { result, id: undefined };
    const writeSet = transaction.writeSet();
    if (writer !== 'sealer') this.gate.ensureMemory(writer, writeSet);
    const id = this.#append(writeSet, claimsDigest);
    whenAppended?.(id);
    this.#closeSoon();
    return { result, id };
  }

  #append(writeSet: WriteSet, claimsDigest: Uint8Array | undefined): TransactionId {
    const id = this.state.append(writeSet, claimsDigest);
    this.measures.entries++;
    return id;
  }

  #closeSoon(): void {
    if (this.#isDeferred || !this.#canClose()) return;
    this.#isDeferred = true;
    this.#ports.defer(() => {
      this.#isDeferred = false;
      this.#closeInTime();
    });
  }

  /** Closes now, or when the open batch has waited long enough. */
  #closeInTime(): void {
    if (!this.#canClose()) return;
    const state = {
      openCount: this.#openCount,
      inFlightCount: this.#inFlight.length,
      isAwaited: this.#isAwaited,
      isUrgent: this.#isRequested || this.#isDraining || this.state.isIdleAwaited,
    };
    if (this.#timing.isDue(state, () => this.#closeInTime())) this.#close();
  }

  get #openCount(): number {
    return this.state.sequencer.nextSeqno - this.#openFrom;
  }

  get #isAwaited(): boolean {
    return this.state.tracker.lastAwaited >= this.#openFrom;
  }

  #canClose(): boolean {
    const isRequested = this.#isRequested && !this.#isDraining;
    const hasWork = this.#openCount > 0 || isRequested;
    return (
      hasWork && this.#isInOffice && !this.#isSigning && this.#inFlight.length < batchesInFlightMax
    );
  }

  #close(): void {
    this.#isRequested = false;
    const entryCount = this.#openCount;
    for (const sealer of this.#sealers) this.#seal(sealer);
    if (this.#openCount > 0) this.#endBatch(entryCount);
  }

  /** `entryCount`: the entries that clients wrote. */
  #endBatch(entryCount: number): void {
    const closed = this.#timing.closed(entryCount, this.#isAwaited);
    const pending = this.state.closeBatch(Math.floor(this.#ports.clock.nowMs() / 1000));
    this.#openFrom = this.state.sequencer.nextSeqno;
    this.#isSigning = true;
    void this.#sign(pending, closed);
  }

  #seal(sealer: Sealer): void {
    const batch: OpenBatch = {
      view: this.view,
      firstSeqno: this.#openFrom,
      sealSeqno: this.state.sequencer.nextSeqno,
    };
    const by = { writer: 'sealer', maps: sealer.maps } as const;
    this.#run((transaction) => sealer.seal(transaction, batch), by);
  }

  async #sign({ id, input }: PendingSignature, closed: ClosedBatch): Promise<void> {
    const signature = await this.#ports.sign(input);
    // The office may have been lost meanwhile: then the batch went with the view.
    if (!this.#isInOffice || this.view !== id.view) return;
    this.#isSigning = false;
    const batch = this.state.sequencer.completeBatch(signature);
    this.#inFlight.push({ batch, closed });
    this.#ports.propose(batch, this.#nextKind);
    this.#nextKind = 'batch';
    this.#closeSoon();
  }

  #conclude({ batch, closed }: InFlight, last: Seqno): void {
    const { view, firstSeqno } = batch;
    this.measures.committed(batch.entryCount, this.#ports.clock.monotonicMs() - closed.atMs);
    this.#timing.committed(closed);
    this.state.commit({ view, firstSeqno, last });
  }
}
