/**
 * How a node gets the part of the ledger that it lacks, by the order of its replica (catch-up.ts):
 * a node without a state begins from the snapshot that the primary offered, where somebody has it,
 * otherwise from the first entry; a node that lagged goes on from where it stands. Then come the
 * batches, up to the one that consensus named. Everything is verified before anything of it counts,
 * and a batch that does not hold leaves no trace: another node is asked for the same place.
 *
 * Bounded memory: the snapshot while it is read, and two answers of batches.
 */
import { assert, type Clock, equalBytes, LedgerError, type Log, type Seqno } from '@coco/base';
import { lastSeqnoOf, type SnapshotOffer } from '@coco/consensus';
import { sha256 } from '@coco/crypto';
import type { CommittedBody } from '@coco/ledger';
import type { SecretReceiver } from './adopt-secret.ts';
import type { BatchFollower } from './batch-follower.ts';
import {
  type AskedBatches,
  type CatchUpSource,
  CatchUpSources,
  refused,
} from './catch-up-source.ts';
import { replicationError } from './errors.ts';
import { GrowingLedger, type LedgerStart } from './growing-ledger.ts';
import type { SnapshotPoint } from './older-ledger.ts';
import { openSnapshot } from './open-snapshot.ts';
import { wholeSnapshot } from './read-snapshot.ts';
import type { CatchUpOrder } from './replica-messages.ts';
import type { ReplicatedState } from './replicated-state.ts';

/** How long the thread is held before others get their turn. */
const sliceMs = 5;
const progressMs = 1_000;
/** A snapshot is an advantage, no need: nobody is waited for. */
const snapshotRounds = 2;

/** The files of this node, as far as an order to catch up goes. */
export interface InstallFiles {
  /** Empty so far, they begin behind a snapshot. */
  startAfter(order: number, snapshot: Seqno): Promise<void>;
  append(order: number, batches: readonly CommittedBody[]): Promise<void>;
}

export interface LedgerInstallerOptions {
  readonly state: ReplicatedState;
  readonly follower: BatchFollower;
  readonly receiver: SecretReceiver;
  /** The service's public key. */
  readonly serviceSpki: Uint8Array;
  readonly files: InstallFiles;
  readonly sources: () => readonly CatchUpSource[];
  /** Keeps the file that the node began from: it needs one for a recovery of its own. */
  readonly keepSnapshot: (name: string, file: Uint8Array) => Promise<void>;
  readonly clock: Clock;
  readonly log: Log;
  /** Resolves after what is waiting to run. */
  readonly yieldThread: () => Promise<void>;
}

export class LedgerInstaller {
  readonly #options: LedgerInstallerOptions;
  /** Undefined where the node has, or will have, every entry. */
  #startedFrom: SnapshotPoint | undefined;
  #isStopped = false;

  constructor(options: LedgerInstallerOptions) {
    this.#options = options;
  }

  /** The snapshot that the node began from: what comes before it is still to be fetched. */
  get startedFrom(): SnapshotPoint | undefined {
    return this.#startedFrom;
  }

  /** The node ends: nobody is asked any more. */
  stop(): void {
    this.#isStopped = true;
  }

  /**
   * Resolves when everything up to the offer's last batch is in the state and handed to the files.
   * @throws CatchUpFailed, and what the files throw; the node must end then
   */
  async install(order: CatchUpOrder): Promise<void> {
    const { state, log, sources, clock } = this.#options;
    const target = order.offer.lastBatch;
    if (!target) throw replicationError('CatchUpFailed', 'The offer names no batch to have.');
    const last = lastSeqnoOf(target);
    const isClosed = this.#options.follower.isLockedOut;
    assert(isClosed || order.next === state.committed + 1, 'files and state end at one seqno');
    const isStopped = () => this.#isStopped;
    const asked = new CatchUpSources({ sources, clock, log, isStopped });
    log.write('info', 'install.begun', { seqno: state.committed, target: last });
    if (state.committed > 0) {
      await this.#takeBatches({ order, asked, next: state.committed + 1 }, (batch) =>
        this.#follow(batch),
      );
    } else await this.#installWhole(order, asked);
    log.write('info', 'install.done', { seqno: state.committed });
  }

  /** A node that the members have retired cannot verify what follows a rekey. */
  #follow(batch: CommittedBody): void {
    const { follower } = this.#options;
    follower.follow(batch);
    if (!follower.isLockedOut) return;
    const message = 'This node is retired, and the ledger is closed to it.';
    throw replicationError('CatchUpFailed', message);
  }

  async #installWhole(order: CatchUpOrder, asked: CatchUpSources): Promise<void> {
    const { files, receiver, serviceSpki, state } = this.#options;
    const start = await this.#startOf(order.offer, asked);
    if (start) {
      this.#startedFrom = { seqno: start.id.seqno, root: start.tree.root() };
      await files.startAfter(order.request, start.id.seqno);
    }
    const growing = new GrowingLedger(receiver, start);
    await this.#takeBatches({ order, asked, next: growing.next }, (batch) => growing.take(batch));
    try {
      state.adopt(growing.finish(serviceSpki));
    } catch (cause) {
      if (!(cause instanceof LedgerError)) throw cause;
      throw replicationError('CatchUpFailed', cause.message, {}, cause);
    }
  }

  /** Undefined where there is no snapshot to begin from: then the whole ledger is read. */
  async #startOf(offer: SnapshotOffer, asked: CatchUpSources): Promise<LedgerStart | undefined> {
    const { serviceSpki, receiver, keepSnapshot, log } = this.#options;
    const { ledgerSnapshot, lastBatch } = offer;
    if (!ledgerSnapshot || !lastBatch) return undefined;
    const { name } = ledgerSnapshot;
    const expected = { ...ledgerSnapshot, serviceSpki, last: lastSeqnoOf(lastBatch) };
    const read = async (source: CatchUpSource): Promise<Uint8Array> => {
      const file = await wholeSnapshot(source, name);
      if (equalBytes(sha256(file), ledgerSnapshot.digest)) return file;
      throw refused(source, 'its snapshot is not the one that was agreed on.');
    };
    try {
      const file = await asked.ask(`snapshot ${name}`, read, { roundsMax: snapshotRounds });
      const start = await openSnapshot(file, expected, receiver);
      await keepSnapshot(name, file);
      log.write('info', 'install.snapshot', { name, seqno: start.id.seqno });
      return start;
    } catch (error) {
      if (!(error instanceof LedgerError)) throw error;
      const { code, message: reason } = error;
      log.write('warning', 'install.withoutSnapshot', { name, code, reason });
      return undefined;
    }
  }

  /** Fetches the next answer while one is taken. */
  async #takeBatches(
    at: { readonly order: CatchUpOrder; readonly asked: CatchUpSources; readonly next: number },
    take: (batch: CommittedBody) => void,
  ): Promise<void> {
    const { order, asked } = at;
    const { clock, log, files } = this.#options;
    const target = lastSeqnoOf(order.offer.lastBatch as NonNullable<SnapshotOffer['lastBatch']>);
    let toldMs = clock.monotonicMs();
    let next = at.next as Seqno;
    let fetched = next <= target ? asked.batches(next, target) : undefined;
    while (fetched) {
      const answer: AskedBatches = await fetched;
      const ahead = answer.next <= target ? asked.batches(answer.next, target) : undefined;
      // Who refuses this answer does not wait for the next one.
      ahead?.catch(() => undefined);
      const taken = await this.#takeAnswer({ answer, order, asked }, take);
      await files.append(order.request, taken);
      const end = taken.at(-1);
      if (end) next = (end.firstSeqno + end.entryCount) as Seqno;
      if (clock.monotonicMs() - toldMs >= progressMs) {
        toldMs = clock.monotonicMs();
        log.write('info', 'install.progress', { seqno: next - 1, target });
      }
      if (next > target) return;
      fetched = next === answer.next ? ahead : asked.batches(next, target);
    }
  }

  /** What of the answer holds; its source is refused where it does not. */
  async #takeAnswer(
    at: {
      readonly answer: AskedBatches;
      readonly order: CatchUpOrder;
      readonly asked: CatchUpSources;
    },
    take: (batch: CommittedBody) => void,
  ): Promise<readonly CommittedBody[]> {
    const { source, batches } = at.answer;
    const { clock, yieldThread } = this.#options;
    const taken: CommittedBody[] = [];
    let untilMs = clock.monotonicMs() + sliceMs;
    for (const batch of batches) {
      try {
        assertNamed(batch, at.order.offer, source);
        take(batch);
      } catch (cause) {
        const isSources =
          cause instanceof LedgerError && ['BatchUnverified', 'SourceRefused'].includes(cause.code);
        if (!isSources) throw cause;
        at.asked.refuse(source, cause);
        return taken;
      }
      taken.push(batch);
      if (clock.monotonicMs() < untilMs) continue;
      await yieldThread();
      untilMs = clock.monotonicMs() + sliceMs;
    }
    return taken;
  }
}

/** The last batch is the one that consensus agreed on, to the byte. */
function assertNamed(batch: CommittedBody, offer: SnapshotOffer, source: CatchUpSource): void {
  const target = offer.lastBatch;
  if (!target || batch.firstSeqno + batch.entryCount - 1 !== lastSeqnoOf(target)) return;
  if (batch.firstSeqno === target.firstSeqno && equalBytes(sha256(batch.body), target.digest)) {
    return;
  }
  throw refused(source, 'its last batch is not the one that consensus agreed on.');
}
