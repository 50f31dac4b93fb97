/**
 * Makes snapshots of the committed state while the node goes on: on demand of governance, when the
 * service opens, and every so many entries. The state is read in slices of the main thread, the
 * file is written meanwhile; then a transaction claims its digest, and when that is committed its
 * receipt completes the file. A snapshot that does not come about is logged and made again when the
 * next one is due: the service does not depend on it.
 *
 * Only the primary makes them, because it writes their evidence.
 */

import type { CommittedBatch } from '@coco/adapter';
import type { TransactionId } from '@coco/base';
import { assert, type Clock, LedgerError, type Log, type Seqno, toHex } from '@coco/base';
import { Sha256 } from '@coco/crypto';
import { serviceStatus, snapshotEvidence, snapshotRequest } from '@coco/governance';
import type { HeldState } from '@coco/kv';
import {
  type EncodedSnapshot,
  encodeSnapshot,
  formatSnapshotName,
  type LedgerSecrets,
  type SnapshotFiles,
  SnapshotNonceGuard,
} from '@coco/ledger';
import type { BatchPipeline } from './batch-pipeline.ts';
import type { CommitObserver } from './pipeline-ports.ts';

/** What the main thread gives at a time; one step of the encoder may take it a little further. */
const sliceMs = 3;

/** So long after a snapshot that was asked for did not come about, it is not tried again. */
const againMs = 10_000;

/** A committed snapshot's file on this node. */
export interface KeptSnapshot {
  readonly name: string;
  readonly seqno: Seqno;
  /** SHA-256 of the file. */
  readonly digest: Uint8Array;
}

export interface SnapshotMakerOptions {
  readonly pipeline: BatchPipeline;
  readonly files: SnapshotFiles;
  readonly secrets: LedgerSecrets;
  /** The Merkle leaf of the last committed signature entry. */
  leafAt(seqno: Seqno): Uint8Array;
  /** The receipt of a committed transaction. */
  receiptOf(id: TransactionId): Promise<Uint8Array>;
  /** A snapshot is due when so many entries were committed since the last one. */
  readonly entriesBetween: number;
  /** A committed file is here: others may be offered it. */
  readonly onMade?: (made: KeptSnapshot) => void;
  readonly clock: Clock;
  readonly log: Log;
  readonly defer: (callback: () => void) => void;
}

export class SnapshotMaker implements CommitObserver {
  readonly measures: { made: number; failed: number } = { made: 0, failed: 0 };
  readonly #options: SnapshotMakerOptions;
  readonly #guard = new SnapshotNonceGuard();
  /** Seqnos of entries that asked for one; a rollback takes them back. */
  #asked: readonly Seqno[] = [];
  #isEnabled = false;
  #wasOpen = false;
  #isDue = false;
  #making: Promise<void> | undefined;
  /** The first batch that ends at this seqno or later ends its chunk; a rollback takes it back. */
  #endedFrom = 0;
  /** The state that the last snapshot is of. */
  #last = 0;
  readonly #stopped = Promise.withResolvers<'stopped'>();
  #isStopped = false;
  #whenCommitted: (() => void)[] = [];
  /** The longest time that this snapshot held the thread at once. */
  #longestMs = 0;
  /** When a snapshot last did not come about; a new office tries at once. */
  #failedAtMs = Number.NEGATIVE_INFINITY;

  constructor(options: SnapshotMakerOptions) {
    this.#options = options;
    this.#last = options.files.newest()?.seqno ?? 0;
  }

  /**
   * The state is whole and nothing of it can be discarded any more: not before a recovery has
   * ended.
   */
  enable(): void {
    this.#isEnabled = true;
    const { pipeline } = this.#options;
    this.#look(pipeline.committedSeqno, pipeline.committedState());
  }

  /**
   * The entry just appended asks for a snapshot, taken when it is committed. The chunk ends there,
   * so that the files behind it go on where the snapshot stands.
   */
  ask(): void {
    const { sequencer } = this.#options.pipeline.state;
    sequencer.forceChunk();
    this.#endedFrom = sequencer.nextSeqno;
    this.#asked = [...this.#asked, (sequencer.nextSeqno - 1) as Seqno];
  }

  onCommitted({ lastSeqno, state }: CommittedBatch): void {
    for (const resolve of this.#whenCommitted.splice(0)) resolve();
    if (this.#isEnabled) this.#look(lastSeqno, state);
  }

  rolledBack(to: Seqno): void {
    this.#asked = this.#asked.filter((seqno) => seqno <= to);
    this.#endedFrom = 0;
    this.#failedAtMs = Number.NEGATIVE_INFINITY;
  }

  /** Nothing is begun any more; what is under way is taken back. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#stopped.resolve('stopped');
    await this.#making;
  }

  #look(seqno: Seqno, state: CommittedBatch['state']): void {
    const isOpen = this.#wasOpen || serviceStatus(state) === 'Open';
    const isAsked = this.#asked.some((asked) => asked <= seqno) || this.#isRequested(state);
    if (isAsked || this.#isTime(seqno, state) || isOpen !== this.#wasOpen) this.#isDue = true;
    this.#asked = this.#asked.filter((asked) => asked > seqno);
    this.#wasOpen = isOpen;
    this.#makeIfDue();
  }

  /**
   * Whether the ledger asks for one that nobody has made: another primary may have been asked, and
   * have lost its office before the evidence was committed.
   */
  #isRequested(state: CommittedBatch['state']): boolean {
    const { pipeline, clock } = this.#options;
    const asked = snapshotRequest.versionOf(state) ?? 0;
    const isPaused = clock.monotonicMs() - this.#failedAtMs < againMs;
    if (asked === 0 || !pipeline.isExecuting || this.#making || isPaused) return false;
    return asked > (snapshotEvidence.get(state)?.version ?? 0);
  }

  #isTime(seqno: Seqno, state: CommittedBatch['state']): boolean {
    const isLongAgo = (): boolean => seqno - this.#last >= this.#options.entriesBetween;
    if (!isLongAgo()) return false;
    // Another primary may have made one since.
    this.#last = Math.max(this.#last, snapshotEvidence.get(state)?.version ?? 0);
    return isLongAgo();
  }

  #makeIfDue(): void {
    const { pipeline } = this.#options;
    const mayMake =
      this.#isDue && this.#making === undefined && !this.#isStopped && pipeline.isExecuting;
    // The genesis batch and a state that a snapshot was taken of have nothing to add.
    if (!mayMake || pipeline.committedSeqno <= this.#last) return;
    if (!this.#isAtChunkEnd()) return;
    this.#isDue = false;
    this.#last = pipeline.committedSeqno;
    this.#making = this.#make().finally(() => {
      this.#making = undefined;
      this.#look(pipeline.committedSeqno, pipeline.committedState());
    });
  }

  /**
   * As in CCF a snapshot stands where a chunk file ends, so that the files of a node which begins
   * from it are those of every other node. Where none ends here, the next batch is made to end one.
   */
  #isAtChunkEnd(): boolean {
    const { pipeline } = this.#options;
    const { sequencer } = pipeline.state;
    if (sequencer.isAtChunkEnd) return true;
    if (pipeline.committedSeqno >= this.#endedFrom) {
      sequencer.forceChunk();
      this.#endedFrom = sequencer.nextSeqno;
      if (this.#isRequested(pipeline.committedState())) this.#requestAgain();
    }
    return false;
  }

  /**
   * Nobody may write for long: the request itself makes the batch that ends the chunk. Not at once:
   * what commits is still being told.
   */
  #requestAgain(): void {
    const { pipeline, defer } = this.#options;
    defer(() => {
      // Where something was written meanwhile, that batch ends the chunk.
      const isNeeded = !this.#isStopped && pipeline.isExecuting && pipeline.uncommittedCount === 0;
      if (!isNeeded) return;
      pipeline.execute((transaction) => {
        snapshotRequest.put(transaction, 'primary');
        return { result: undefined };
      });
    });
  }

  async #make(): Promise<void> {
    const { pipeline, files, clock, log } = this.#options;
    const seqno = pipeline.committedSeqno;
    const leaf = this.#options.leafAt(seqno);
    const held = pipeline.state.holdCommitted();
    const failed = (error: unknown): void => {
      if (!(error instanceof LedgerError)) throw error;
      this.#failedAtMs = clock.monotonicMs();
      this.measures.failed++;
      log.write('warning', 'snapshot.failed', { seqno, code: error.code, reason: error.message });
    };
    try {
      const snapshot = await this.#encode(held, leaf);
      if (!snapshot) return;
      await files.write(snapshot);
      held.release();
      if (!(await this.#prove(snapshot))) await files.discard();
    } catch (error) {
      failed(error);
      await files.discard().catch(failed);
    } finally {
      held.release();
    }
  }

  /** Undefined when the node stops meanwhile. @throws StateForgotten when memory got short */
  async #encode(held: HeldState, leaf: Uint8Array): Promise<EncodedSnapshot | undefined> {
    const { secrets, clock, defer, pipeline } = this.#options;
    const { state } = held;
    const secret = secrets.secretFor(state.seqno);
    const viewStarts = viewStartsAt(pipeline.state.tracker.viewHistory(), state.seqno);
    const steps = encodeSnapshot({ secret, guard: this.#guard }, { state, leaf, viewStarts });
    this.#longestMs = 0;
    while (!this.#isStopped) {
      const begunMs = clock.monotonicMs();
      for (let nowMs = begunMs; nowMs < begunMs + sliceMs; nowMs = clock.monotonicMs()) {
        const step = steps.next();
        if (step.done) return step.value;
      }
      this.#noteSlice(begunMs);
      await new Promise<void>((resolve) => defer(resolve));
    }
    return undefined;
  }

  /** Writes the evidence and completes the file; false when the evidence was lost. */
  async #prove(snapshot: EncodedSnapshot): Promise<boolean> {
    const { pipeline, files, receiptOf, log } = this.#options;
    const id = await this.#writeEvidence(snapshot);
    if (!id) return false;
    await files.name(id.seqno);
    const decision = await Promise.race([pipeline.whenDecided(id), this.#stopped.promise]);
    if (decision !== 'Committed') return false;
    const receipt = await receiptOf(id);
    const name = formatSnapshotName(await files.commit(receipt));
    const digest = await this.#fileDigest(snapshot, receipt);
    this.measures.made++;
    const longestStepMs = Math.round(this.#longestMs * 10) / 10;
    log.write('info', 'snapshot.made', { name, bytes: snapshot.size, longestStepMs });
    this.#options.onMade?.({ name, seqno: snapshot.seqno, digest });
    return true;
  }

  async #fileDigest({ pages }: EncodedSnapshot, receipt: Uint8Array): Promise<Uint8Array> {
    const { clock, defer } = this.#options;
    const digest = new Sha256();
    let begunMs = clock.monotonicMs();
    for (const page of [...pages, receipt]) {
      digest.update(page);
      if (clock.monotonicMs() < begunMs + sliceMs) continue;
      this.#noteSlice(begunMs);
      await new Promise<void>((resolve) => defer(resolve));
      begunMs = clock.monotonicMs();
    }
    return digest.digest();
  }

  #noteSlice(begunMs: number): void {
    this.#longestMs = Math.max(this.#longestMs, this.#options.clock.monotonicMs() - begunMs);
  }

  /** Undefined when this node stops executing; while too much waits for commit, it waits too. */
  async #writeEvidence(snapshot: EncodedSnapshot): Promise<TransactionId | undefined> {
    const { pipeline } = this.#options;
    const { seqno, digest } = snapshot;
    while (pipeline.isExecuting && !this.#isStopped) {
      try {
        const { id } = pipeline.execute((transaction) => {
          snapshotEvidence.put(transaction, { hash: toHex(digest), version: seqno });
          return { result: undefined, claimsDigest: digest };
        });
        return id;
      } catch (error) {
        const isBusy = error instanceof LedgerError && error.code === 'TooManyPendingTransactions';
        if (!isBusy) throw error;
        const committed = new Promise<void>((resolve) => this.#whenCommitted.push(resolve));
        await Promise.race([committed, this.#stopped.promise]);
      }
    }
    return undefined;
  }
}

/** The first seqno of each view from 1 on, up to `seqno`; an empty view has the next one's. */
export function viewStartsAt(history: readonly TransactionId[], seqno: Seqno): readonly Seqno[] {
  const started = history.filter((view) => view.seqno <= seqno);
  const starts: Seqno[] = [];
  for (const { view, seqno: first } of started) {
    assert(view > starts.length, 'views ascend');
    while (starts.length < view) starts.push(first);
  }
  return starts;
}
