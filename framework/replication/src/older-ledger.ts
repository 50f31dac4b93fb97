/**
 * The ledger before the snapshot that a node began from, fetched in the background, so that every
 * node answers for every old transaction. Read from the first entry on, each batch verified like
 * any other; it counts when the Merkle root at the snapshot is the one that the node began with,
 * which the service signed. Rekeys and recoveries lie on the way: their secrets are learnt.
 *
 * Nothing depends on it: where nobody can give it now, this node asks again later.
 */
import { type Clock, equalBytes, LedgerError, type Log, type Seqno } from '@coco/base';
import { acceptBatch, type CommittedBody, LedgerVerifier } from '@coco/ledger';
import { adoptSecret, type SecretReceiver } from './adopt-secret.ts';
import { type CatchUpSource, CatchUpSources } from './catch-up-source.ts';
import { replicationError } from './errors.ts';

/** The node serves meanwhile: what it gives to this at a time. */
const sliceMs = 3;
const progressMs = 10_000;
/** Nobody had it, or somebody had another one. */
const againMs = 60_000;
/** The chunk that goes on behind the snapshot still grows. */
const finishMs = 1_000;
/** Who asks in the background does not wait for one answer long. */
const rounds = 3;

/** Where a node began: the snapshot's seqno and the root of the Merkle tree there. */
export interface SnapshotPoint {
  readonly seqno: Seqno;
  readonly root: Uint8Array;
}

/** See OlderFiles of @coco/ledger. */
interface OlderLedgerFiles {
  begin(): Promise<void>;
  append(batches: readonly CommittedBody[]): Promise<void>;
  finish(): Promise<boolean>;
}

interface OlderLedgerOptions {
  readonly point: SnapshotPoint;
  readonly receiver: SecretReceiver;
  readonly files: OlderLedgerFiles;
  readonly sources: () => readonly CatchUpSource[];
  readonly clock: Clock;
  readonly log: Log;
  /** Resolves after what is waiting to run. */
  readonly yieldThread: () => Promise<void>;
}

export class OlderLedger {
  readonly #options: OlderLedgerOptions;
  #isStopped = false;
  /** Ends the pause that is under way. */
  #wake: () => void = () => {};

  constructor(options: OlderLedgerOptions) {
    this.#options = options;
  }

  /** Nobody is asked any more; `fetch` resolves soon. */
  stop(): void {
    this.#isStopped = true;
    this.#wake();
  }

  /** Resolves when everything is in the files, or it was stopped. @throws what the files throw */
  async fetch(): Promise<void> {
    const { point, log } = this.#options;
    while (!this.#isStopped) {
      log.write('info', 'older.begun', { target: point.seqno });
      try {
        await this.#fetchWhole();
        await this.#finish();
        return;
      } catch (error) {
        if (!(error instanceof LedgerError) || error.code !== 'CatchUpFailed') throw error;
        if (this.#isStopped) return;
        log.write('warning', 'older.failed', { target: point.seqno, reason: error.message });
        await this.#pause(againMs);
      }
    }
  }

  async #fetchWhole(): Promise<void> {
    const { point, receiver, files, sources, clock, log } = this.#options;
    const { secrets } = receiver;
    const verifier = new LedgerVerifier({ secrets, signatures: 'last' });
    const isStopped = (): boolean => this.#isStopped;
    const asked = new CatchUpSources({ sources, clock, log, isStopped });
    await files.begin();
    let toldMs = clock.monotonicMs();
    while (verifier.next <= point.seqno) {
      const answer = await asked.batches(verifier.next, point.seqno, { roundsMax: rounds });
      const taken = await this.#take(verifier, answer.batches, (error) =>
        asked.refuse(answer.source, error),
      );
      await files.append(taken);
      if (clock.monotonicMs() - toldMs < progressMs) continue;
      toldMs = clock.monotonicMs();
      log.write('info', 'older.progress', { seqno: verifier.next - 1, target: point.seqno });
    }
    if (equalBytes(verifier.takeTree().root(), point.root)) return;
    const message = 'The ledger that others gave is not the one that the snapshot is of.';
    throw replicationError('CatchUpFailed', message, { seqno: point.seqno });
  }

  async #take(
    verifier: LedgerVerifier,
    batches: readonly CommittedBody[],
    refuse: (error: LedgerError) => void,
  ): Promise<readonly CommittedBody[]> {
    const { clock, receiver, yieldThread } = this.#options;
    const taken: CommittedBody[] = [];
    let untilMs = clock.monotonicMs() + sliceMs;
    for (const batch of batches) {
      try {
        acceptBatch(verifier, batch, ({ entry: { id }, writeSet }) =>
          adoptSecret({ id, writeSet }, receiver),
        );
      } catch (cause) {
        if (!(cause instanceof LedgerError) || cause.code !== 'BatchUnverified') throw cause;
        refuse(cause);
        return taken;
      }
      taken.push(batch);
      if (clock.monotonicMs() < untilMs) continue;
      await yieldThread();
      untilMs = clock.monotonicMs() + sliceMs;
    }
    return taken;
  }

  async #finish(): Promise<void> {
    const { files, log, point } = this.#options;
    while (!this.#isStopped) {
      if (await files.finish()) {
        log.write('info', 'older.done', { seqno: point.seqno });
        return;
      }
      await this.#pause(finishMs);
    }
  }

  async #pause(forMs: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const cancel = this.#options.clock.setTimer(forMs, resolve);
    this.#wake = resolve;
    await promise;
    cancel();
  }
}
