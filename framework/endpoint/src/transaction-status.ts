/**
 * What became of a transaction id: Unknown, Pending, Committed or Invalid, by CCF's rule, and
 * promises of the decision (answer-on-commit). The tracker knows where each view begins, the last
 * executed seqno and the last committed id; it holds nothing per transaction but those waited for.
 *
 * The caller reports events in ledger order: `startView` before the view's first `executed`,
 * `rolledBack` when executed entries are discarded, `committed` when a batch is.
 */
import {
  asSeqno,
  assert,
  asView,
  formatTransactionId,
  type Seqno,
  type TransactionId,
  type View,
} from '@coco/base';
import { endpointError } from './errors.ts';

export type TransactionStatus = 'Unknown' | 'Pending' | 'Committed' | 'Invalid';
export type TransactionDecision = 'Committed' | 'Invalid';

/** One waiting client costs about 200 bytes; beyond this many the node refuses new ones. */
const waitersMaxDefault = 100_000;

interface Waiter {
  readonly id: TransactionId;
  readonly decided: Promise<TransactionDecision>;
  readonly decide: (decision: TransactionDecision) => void;
}

export class TransactionStatusTracker {
  /** Invariant: views rise strictly and their first seqnos never fall. */
  readonly #views: { readonly view: View; readonly first: Seqno }[];
  readonly #waiters = new Map<string, Waiter>();
  readonly #waitersMax: number;
  /** Invariant: committed seqno <= last executed seqno. */
  #committed: TransactionId;
  #lastExecuted: Seqno;
  #lastAwaited: Seqno = asSeqno(0);

  /**
   * A new service's history starts with CCF's empty view 1. After a recovery `history` holds the
   * start of each earlier view, and `committed` the last id that the ledger proves.
   */
  constructor(
    options: {
      readonly history?: readonly TransactionId[];
      readonly committed?: TransactionId;
      readonly waitersMax?: number;
    } = {},
  ) {
    const { history = [{ view: asView(1), seqno: asSeqno(1) }] } = options;
    this.#views = [];
    for (const { view, seqno } of history) this.#addView(view, seqno);
    this.#committed = options.committed ?? { view: asView(0), seqno: asSeqno(0) };
    this.#lastExecuted = this.#committed.seqno;
    this.#waitersMax = options.waitersMax ?? waitersMaxDefault;
  }

  get committedId(): TransactionId {
    return this.#committed;
  }

  get lastExecuted(): Seqno {
    return this.#lastExecuted;
  }

  /** The highest seqno whose decision somebody waited for; may be of a view that is over. */
  get lastAwaited(): Seqno {
    return this.#lastAwaited;
  }

  /** The present view; the one that started last. */
  get view(): View {
    return this.#views.at(-1)?.view ?? asView(0);
  }

  /** The next entry, `first`, is the first of `view`. */
  startView(view: View, first: Seqno): void {
    assert(first === this.#lastExecuted + 1, 'a view starts after the last executed entry');
    this.#addView(view, first);
  }

  /** A node that holds nothing stands where a ledger that it was given stands. */
  adopt(place: {
    readonly history: readonly TransactionId[];
    readonly committed: TransactionId;
  }): void {
    assert(this.#lastExecuted === 0, 'a ledger is adopted once, before anything was executed');
    this.#views.length = 0;
    for (const { view, seqno } of place.history) this.#addView(view, seqno);
    this.#lastExecuted = place.committed.seqno;
    this.committed(place.committed);
  }

  #addView(view: View, first: Seqno): void {
    const last = this.#views.at(-1);
    assert(!last || view > last.view, 'views rise');
    assert(!last || first >= last.first, 'views start in ledger order');
    this.#views.push({ view, first });
  }

  /** Entries up to `seqno` are executed in the present view. */
  executed(seqno: Seqno): void {
    assert(seqno >= this.#lastExecuted, 'execution goes forward');
    this.#lastExecuted = seqno;
  }

  /** Everything above `to` is discarded, the views that began there included. */
  rolledBack(to: Seqno): void {
    assert(to >= this.#committed.seqno, 'nothing committed is rolled back');
    assert(to <= this.#lastExecuted, 'a rollback goes backward');
    this.#lastExecuted = to;
    while ((this.#views.at(-1)?.first ?? 0) > to + 1) this.#views.pop();
    const last = this.#views.at(-1);
    // A view of which no entry is left did not happen; the first one of a service stays.
    if (last && last.first === to + 1 && this.#views.length > 1) this.#views.pop();
  }

  /** Everything up to `id` is committed; decides the promises that wait for it. */
  committed(id: TransactionId): void {
    assert(id.seqno >= this.#committed.seqno, 'commit goes forward');
    assert(id.seqno <= this.#lastExecuted, 'what commits was executed');
    assert(this.#viewAt(id.seqno) === id.view, 'the committed id is in the ledger');
    this.#committed = id;
    for (const [key, waiter] of this.#waiters) {
      const status = this.status(waiter.id);
      if (status !== 'Committed' && status !== 'Invalid') continue;
      this.#waiters.delete(key);
      waiter.decide(status);
    }
  }

  status(id: TransactionId): TransactionStatus {
    const isInLedger = this.#viewAt(id.seqno) === id.view;
    if (id.seqno <= this.#committed.seqno) return isInLedger ? 'Committed' : 'Invalid';
    if (isInLedger) return 'Pending';
    return this.#committed.view > id.view ? 'Invalid' : 'Unknown';
  }

  /**
   * Resolves when the id is committed or never can be; at once if that is known.
   * @throws TooManyPendingTransactions
   */
  whenDecided(id: TransactionId): Promise<TransactionDecision> {
    const status = this.status(id);
    if (status === 'Committed' || status === 'Invalid') return Promise.resolve(status);
    this.#lastAwaited = asSeqno(Math.max(this.#lastAwaited, id.seqno));
    const key = formatTransactionId(id);
    const known = this.#waiters.get(key);
    if (known) return known.decided;
    if (this.#waiters.size >= this.#waitersMax) {
      throw endpointError('TooManyPendingTransactions', 'Too many clients wait for a commit.', {
        waitersMax: this.#waitersMax,
      });
    }
    const { promise, resolve } = Promise.withResolvers<TransactionDecision>();
    this.#waiters.set(key, { id, decided: promise, decide: resolve });
    return promise;
  }

  /** The start of each view, from `since` on (the view in force there included). */
  viewHistory(since: View = asView(1)): readonly TransactionId[] {
    return this.#views
      .filter(({ view }) => view >= since)
      .map(({ view, first }) => ({ view, seqno: first }));
  }

  /** The view of the entry at `seqno`, if it is in the ledger. */
  #viewAt(seqno: Seqno): View | undefined {
    if (seqno < 1 || seqno > this.#lastExecuted) return undefined;
    for (let at = this.#views.length - 1; at >= 0; at--) {
      const candidate = this.#views[at];
      if (candidate && candidate.first <= seqno) return candidate.view;
    }
    return undefined;
  }
}
