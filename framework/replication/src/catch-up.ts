/**
 * How a node that is too far behind for Raft's log gets the ledger's files: the leader offers a
 * snapshot that names the last batch to have, the main thread fetches and verifies what leads
 * there, and hands the batches over in order. Only the last batch can be compared with the offer;
 * its signature covers everything before it, which the main thread has checked.
 */
import { asSeqno, assert, equalBytes, type LedgerError, present, type Seqno } from '@coco/base';
import { createHandle, type Handle, lastSeqnoOf, type SnapshotOffer } from '@coco/consensus';
import type { BatchBody, LedgerFiles } from '@coco/ledger';
import { replicationError } from './errors.ts';
import type { CatchUpOrder } from './replica-messages.ts';

interface Pending {
  readonly request: number;
  readonly target: Handle;
  readonly resolve: () => void;
  readonly reject: (error: LedgerError) => void;
  /** The batch that was handed over last. */
  last: BatchBody | undefined;
}

export class CatchUp {
  readonly #files: LedgerFiles;
  readonly #post: (order: CatchUpOrder) => void;
  #pending: Pending | undefined;
  #requestCount = 0;
  #isStopped = false;

  constructor(files: LedgerFiles, post: (order: CatchUpOrder) => void) {
    this.#files = files;
    this.#post = post;
  }

  /**
   * Resolves when everything up to the offer's last batch is durable here. What the files hold
   * above `committed` is dropped. @throws CatchUpFailed, CatchUpMismatch, LedgerUnwritable
   */
  async install(offer: SnapshotOffer, committed: Seqno): Promise<void> {
    assert(this.#pending === undefined, 'a replica installs one snapshot at a time');
    await this.#files.truncateAfter(committed);
    const target = offer.lastBatch;
    if (!target || lastSeqnoOf(target) <= committed) return;
    const request = ++this.#requestCount;
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.#pending = { request, target, resolve, reject, last: undefined };
    this.#post({ request, offer, next: this.#files.next });
    await promise;
    await this.#files.commit(lastSeqnoOf(target));
  }

  /** The node's state is that of a snapshot: its files begin behind it. */
  async startAfter(request: number, snapshot: Seqno): Promise<void> {
    if (this.#isStopped) return;
    const { target } = this.#of(request);
    assert(snapshot <= lastSeqnoOf(target), 'a snapshot is of what the offer names');
    await this.#files.startAfter(snapshot);
  }

  /** Writes verified batches that follow one another. @throws LedgerUnwritable, DiskFault */
  async append(request: number, batches: readonly BatchBody[]): Promise<void> {
    if (this.#isStopped) return;
    const pending = this.#of(request);
    pending.last = batches.at(-1) ?? pending.last;
    await this.#files.append(batches);
  }

  /** Everything has been handed over. */
  async complete(request: number): Promise<void> {
    if (this.#isStopped) return;
    const pending = this.#of(request);
    await this.#files.flush();
    this.#pending = undefined;
    if (isReached(pending, this.#files.next)) return pending.resolve();
    const message = 'The last batch is not the one that the primary named.';
    const { view, firstSeqno } = pending.target;
    pending.reject(replicationError('CatchUpMismatch', message, { view, seqno: firstSeqno }));
  }

  /** What is missing cannot be had: the replica ends. */
  fail(request: number, cause: { readonly code: string; readonly message: string }): void {
    if (this.#isStopped) return;
    const pending = this.#of(request);
    this.#pending = undefined;
    const { code, message } = cause;
    const { view, firstSeqno } = pending.target;
    pending.reject(replicationError('CatchUpFailed', message, { code, view, seqno: firstSeqno }));
  }

  /** The replica has stopped: who still fetches for it may finish in vain. */
  stop(): void {
    this.#isStopped = true;
  }

  #of(request: number): Pending {
    const pending = present(this.#pending, 'only an order that was given is carried out');
    assert(pending.request === request, 'the newest order is carried out');
    return pending;
  }
}

/** A snapshot may be of the very last batch: then it stands for it. */
function isReached({ target, last }: Pending, next: Seqno): boolean {
  if (next !== asSeqno(lastSeqnoOf(target) + 1)) return false;
  if (!last) return true;
  if (last.firstSeqno !== target.firstSeqno) return false;
  return equalBytes(createHandle(target, last.body).digest, target.digest);
}
