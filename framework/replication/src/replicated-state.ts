/**
 * What every node of a service holds alike: the state, the place in the ledger, the statuses of
 * transactions, and those who derive something from commits. The primary grows it by executing
 * (batch-pipeline.ts), the others by what commits (batch-follower.ts), one of the two at a time.
 */

import type { CommittedBatch } from '@coco/adapter';
import { asSeqno, assert, type Seqno, type TransactionId, type View } from '@coco/base';
import type { TransactionStatusTracker } from '@coco/endpoint';
import type { HeldState, ReadView, Store, WriteSet } from '@coco/kv';
import {
  type OpenedBatch,
  type PendingSignature,
  type Sequencer,
  singletonKey,
  treeMap,
} from '@coco/ledger';
import type { GrownLedger } from './growing-ledger.ts';
import type { CommitObserver } from './pipeline-ports.ts';

export interface ReplicatedStateParts {
  readonly store: Store;
  readonly sequencer: Sequencer;
  readonly tracker: TransactionStatusTracker;
  /** A recovery: write sets are recorded and commits withheld until `endRecovery`. */
  readonly isRecovery?: boolean;
}

export class ReplicatedState {
  readonly sequencer: Sequencer;
  readonly tracker: TransactionStatusTracker;
  readonly #observers: CommitObserver[] = [];
  #store: Store;
  /** Invariant: the last seqno of a batch; everything up to it is durable on a majority. */
  #committed: Seqno;
  /** Write sets since the node began, while a recovery may have to apply them once more. */
  #recorded: { readonly seqno: Seqno; readonly writeSet: WriteSet }[] | undefined;
  /** While a recovery is unfinished its commits are not told: it may yet be discarded. */
  #withheld: { last: TransactionId | undefined } | undefined;
  #idle: (() => void)[] = [];

  constructor(parts: ReplicatedStateParts) {
    const { store, sequencer, tracker, isRecovery = false } = parts;
    this.#store = store;
    this.sequencer = sequencer;
    this.tracker = tracker;
    this.#committed = asSeqno(sequencer.nextSeqno - 1);
    this.#recorded = isRecovery ? [] : undefined;
    this.#withheld = isRecovery ? { last: undefined } : undefined;
  }

  get store(): Store {
    return this.#store;
  }

  get committed(): Seqno {
    return this.#committed;
  }

  /** Entries executed and not yet committed; none on a backup. */
  get uncommittedCount(): number {
    return this.sequencer.nextSeqno - 1 - this.#committed;
  }

  /** The state at the last commit. */
  committedState(): ReadView {
    return this.#store.readAt(this.#committed);
  }

  /** The state at the last commit, readable until it is released. */
  holdCommitted(): HeldState {
    return this.#store.hold(this.#committed);
  }

  /** The newest state; valid until the next write. */
  executedState(): ReadView {
    return this.#store.readAt(this.#store.seqno);
  }

  /** Whether somebody waits until nothing executed waits for its commit. */
  get isIdleAwaited(): boolean {
    return this.#idle.length > 0;
  }

  /** Resolves when nothing executed waits for its commit. */
  whenIdle(): Promise<void> {
    if (this.uncommittedCount === 0) return Promise.resolve();
    return new Promise((resolve) => this.#idle.push(resolve));
  }

  addObserver(observer: CommitObserver): void {
    this.#observers.push(observer);
  }

  /** Takes what a transaction of this primary wrote, all or nothing. @throws as the store does */
  append(writeSet: WriteSet, claimsDigest: Uint8Array | undefined): TransactionId {
    const seqno = this.sequencer.nextSeqno;
    this.#apply(writeSet, seqno);
    try {
      const { id } = this.sequencer.append(
        writeSet,
        claimsDigest === undefined ? {} : { claimsDigest },
      );
      this.tracker.executed(id.seqno);
      return id;
    } catch (error) {
      // The write set does not fit an entry: it must leave no trace in the state either.
      this.#store.rollback(asSeqno(seqno - 1));
      this.#recorded?.pop();
      throw error;
    }
  }

  /** Ends the open batch with a signature entry whose signature is still to be made. */
  closeBatch(issuedAtSeconds: number): PendingSignature {
    const pending = this.sequencer.closeBatch(issuedAtSeconds);
    this.#endBatch(pending.treeBytes, pending.id.seqno);
    return pending;
  }

  /** A batch of this primary is committed. */
  commit(batch: { readonly view: View; readonly firstSeqno: Seqno; readonly last: Seqno }): void {
    this.sequencer.commit(batch.last);
    this.#conclude(batch);
  }

  /** A batch that another node wrote is committed, or that this one wrote before it was deposed. */
  follow(batch: OpenedBatch, serviceSpki: Uint8Array): void {
    const { view, firstSeqno, entries, signature } = batch;
    this.sequencer.follow(batch, serviceSpki);
    if (view !== this.tracker.view) this.tracker.startView(view, firstSeqno);
    for (const { writeSet, id } of entries) this.#apply(writeSet, id.seqno);
    const last = signature.id.seqno;
    this.#endBatch(signature.treeBytes, last);
    this.#conclude({ view, firstSeqno, last });
  }

  /** Discards everything above commit; this node's next view is `nextView` at least. */
  rollback(nextView: View): void {
    this.#store.rollback(this.#committed);
    this.sequencer.rollback({ to: this.#committed, view: nextView });
    this.tracker.rolledBack(this.#committed);
    this.#recorded = this.#recorded?.filter(({ seqno }) => seqno <= this.#committed);
    for (const observer of this.#observers) observer.rolledBack(this.#committed);
    this.#tellIdle();
  }

  /**
   * Takes the whole state in place of the public one: `store` holds everything up to where this
   * node began, and gets what was executed since. Called when nothing waits for commit.
   */
  replaceStore(store: Store): void {
    assert(this.uncommittedCount === 0, 'the state is replaced between batches');
    for (const { seqno, writeSet } of this.#recorded ?? []) store.apply(writeSet, seqno);
    assert(store.seqno === this.#store.seqno, 'the new state stands where the old one stood');
    store.seal();
    store.commit(this.#committed);
    this.#store = store;
  }

  /**
   * A node that holds nothing takes a ledger that it was given, whole. Who derives from commits
   * hears of one commit, of all of it.
   */
  adopt(ledger: GrownLedger): void {
    const { store, id } = ledger;
    this.sequencer.adopt(ledger);
    this.tracker.adopt({ history: ledger.history, committed: id });
    this.#store = store;
    this.#conclude({ view: id.view, firstSeqno: asSeqno(1), last: id.seqno });
  }

  /** The recovery holds: what it committed is told now. */
  endRecovery(): void {
    const last = this.#withheld?.last;
    this.#withheld = undefined;
    this.#recorded = undefined;
    if (last) this.tracker.committed(last);
  }

  #apply(writeSet: WriteSet, seqno: Seqno): void {
    this.#store.apply(writeSet, seqno);
    this.#recorded?.push({ seqno, writeSet });
  }

  /**
   * Of a signature entry the state keeps the tree alone: the signature is made later, and read from
   * the ledger. A recovery's replay keeps the same.
   */
  #endBatch(treeBytes: Uint8Array, seqno: Seqno): void {
    const rows = [{ key: singletonKey, value: treeBytes }];
    this.#apply({ maps: [{ name: treeMap, rows }] }, seqno);
    this.#store.seal();
    this.tracker.executed(seqno);
  }

  #conclude(batch: {
    readonly view: View;
    readonly firstSeqno: Seqno;
    readonly last: Seqno;
  }): void {
    const { view, firstSeqno, last } = batch;
    this.#committed = last;
    this.#store.commit(last);
    const state = this.#store.readAt(last);
    const committed: CommittedBatch = { view, firstSeqno, lastSeqno: last, state };
    for (const observer of this.#observers) observer.onCommitted(committed);
    // Last: who waits for a commit sees the derived state of it.
    const id = { view, seqno: last };
    if (this.#withheld) this.#withheld.last = id;
    else this.tracker.committed(id);
    this.#tellIdle();
  }

  #tellIdle(): void {
    if (this.uncommittedCount > 0) return;
    for (const resolve of this.#idle.splice(0)) resolve();
  }
}
