/**
 * A host without a network: batches close when told, or by themselves; commits and rollbacks
 * happen when told. It keeps what each entry wrote and claimed, so that tests can compare. Clock
 * and randomness are seeded: the same calls give the same entries.
 */
import {
  asSeqno,
  assert,
  asView,
  formatTransactionId,
  type LedgerError,
  type Log,
  type LogFields,
  ManualClock,
  SeededRandom,
  type Seqno,
  type TransactionId,
  type View,
} from '@coco/base';
import type { Request, Response } from '@coco/endpoint';
import { type ReadView, Store, type Transaction, type WriteSet } from '@coco/kv';
import type { Adapter, Decision, Executed, Host, Write } from './adapter.ts';
import { confineView } from './confined-view.ts';
import { adapterError } from './errors.ts';

/** An entry of the test's ledger. */
export interface TestEntry {
  readonly id: TransactionId;
  readonly kind: 'genesis' | 'write' | 'seal';
  readonly writeSet: WriteSet;
  readonly claimsDigest: Uint8Array | undefined;
}

interface ClosedBatch {
  readonly firstSeqno: Seqno;
  readonly lastSeqno: Seqno;
}

export interface TestHostOptions {
  readonly seed?: number;
  /** Unix time at which the clock stands. */
  readonly startMs?: number;
  /** Whether a batch closes and commits by itself, soon after each write. */
  readonly isAutomatic?: boolean;
}

/** An adapter that still writes after so many rounds writes for ever. */
const settleRoundsMax = 100;
/** Views begin at 2, as in a real service. */
const firstView = 2;
/** 2026-01-01T00:00:00Z */
const startMsDefault = 1_767_225_600_000;

export class TestHost implements Host {
  readonly clock: ManualClock;
  readonly random: SeededRandom;
  /** Lines that the adapter logged: its events and fields, oldest first. */
  readonly logged: { readonly event: string; readonly fields: LogFields }[] = [];
  readonly log: Log = {
    write: (_level, event, fields = {}) => {
      this.logged.push({ event, fields });
    },
  };
  readonly adapter: Adapter;
  /** What another node, the primary, answers to this one's calls. */
  answerAsPrimary: Host['callPrimary'] = async () => undefined;
  readonly #store: Store;
  readonly #maps: ReadonlySet<string>;
  readonly #isAutomatic: boolean;
  #entries: TestEntry[] = [];
  #batches: ClosedBatch[] = [];
  /** Those who wait for an id, by its text. */
  readonly #waiting = new Map<string, ((decision: Decision) => void)[]>();
  #view: View = asView(firstView);
  #nextBatchFirst: Seqno;
  #isPrimary = true;
  #refusal: LedgerError | undefined;
  #isBusy = false;
  #isBatchRequested = false;
  #isTurnScheduled = false;

  private constructor(adapter: Adapter, store: Store, options: TestHostOptions) {
    this.adapter = adapter;
    this.#store = store;
    this.#maps = new Set(adapter.maps);
    this.clock = new ManualClock(options.startMs ?? startMsDefault);
    this.random = new SeededRandom(options.seed ?? 1);
    this.#isAutomatic = options.isAutomatic ?? false;
    this.#nextBatchFirst = asSeqno(store.seqno + 1);
  }

  /** A new service: writes genesis, commits it, starts the adapter. */
  static create(adapter: Adapter, options: TestHostOptions = {}): TestHost {
    const host = new TestHost(adapter, new Store(), options);
    const transaction = host.#store.begin({ maps: host.#maps });
    adapter.genesis(transaction);
    host.#append('genesis', transaction, undefined);
    host.#endBatch();
    host.#store.commit(host.#store.seqno);
    host.#batches = [];
    adapter.start(host);
    return host;
  }

  /**
   * A new process on the state that this host has committed: another adapter of the same ledger,
   * a later view, and nothing of what was not committed.
   */
  restart(adapter: Adapter, options: TestHostOptions = {}): TestHost {
    const store = new Store();
    for (const { id, writeSet } of this.#entries) {
      if (id.seqno > this.#store.committed) break;
      if (id.seqno > store.seqno + 1) store.skip(asSeqno(id.seqno - 1));
      store.apply(writeSet, id.seqno);
    }
    if (store.seqno < this.#store.committed) store.skip(this.#store.committed);
    store.seal();
    store.commit(store.seqno);
    const startMs = options.startMs ?? this.clock.nowMs();
    const host = new TestHost(adapter, store, { ...options, startMs });
    host.#entries = this.#entries.filter(({ id }) => id.seqno <= store.seqno);
    host.#view = asView(this.#view + 2);
    adapter.start(host);
    return host;
  }

  isPrimary(): boolean {
    return this.#isPrimary;
  }

  execute<Result>(write: (transaction: Transaction) => Write<Result>): Executed<Result> {
    assert(!this.#isBusy, 'a write runs alone');
    if (this.#refusal) throw this.#refusal;
    assert(this.#isPrimary, 'only a primary executes');
    this.#isBusy = true;
    try {
      const transaction = this.#store.begin({ maps: this.#maps });
      const { result, claimsDigest } = write(transaction);
      if (!transaction.hasWrites) return { result, id: undefined };
      const id = this.#append('write', transaction, claimsDigest);
      this.#takeTurnSoon();
      return { result, id };
    } finally {
      this.#isBusy = false;
    }
  }

  committed(): ReadView {
    return confineView(this.#store.readAt(this.#store.committed), this.#maps);
  }

  executed(): ReadView {
    return confineView(this.#store.readAt(this.#store.seqno), this.#maps);
  }

  whenDecided(id: TransactionId): Promise<Decision> {
    if (id.seqno <= this.#store.committed) {
      const isHere = this.#entries.some((entry) => sameId(entry.id, id));
      return Promise.resolve(isHere ? 'Committed' : 'Invalid');
    }
    return new Promise((resolve) => {
      const key = formatTransactionId(id);
      this.#waiting.set(key, [...(this.#waiting.get(key) ?? []), resolve]);
    });
  }

  view(): View {
    return this.#view;
  }

  /** Goes where the test says; nobody is there by default. */
  callPrimary(request: Request, withinMs: number): Promise<Response | undefined> {
    return this.answerAsPrimary(request, withinMs);
  }

  requestBatch(): void {
    this.#isBatchRequested = true;
    this.#takeTurnSoon();
  }

  /** Whether the adapter asked for a batch since the last one closed. */
  get isBatchRequested(): boolean {
    return this.#isBatchRequested;
  }

  get seqno(): Seqno {
    return this.#store.seqno;
  }

  get committedSeqno(): Seqno {
    return this.#store.committed;
  }

  /** All entries that stand, oldest first; signatures are no entries here. */
  get entries(): readonly TestEntry[] {
    return this.#entries;
  }

  /** How many closed batches wait for their commit. */
  get closedCount(): number {
    return this.#batches.length;
  }

  /** Seals what was executed since the last batch; an empty batch only if it was asked for. */
  closeBatch(): void {
    const isEmpty = this.#store.seqno < this.#nextBatchFirst;
    if (isEmpty && !this.#isBatchRequested) return;
    this.#isBatchRequested = false;
    const transaction = this.#store.begin({ maps: this.#maps });
    const { claimsDigest } = this.adapter.seal(transaction, {
      view: this.#view,
      firstSeqno: this.#nextBatchFirst,
      sealSeqno: asSeqno(this.#store.seqno + 1),
    });
    if (transaction.hasWrites) this.#append('seal', transaction, claimsDigest);
    this.#endBatch();
  }

  /** Commits the oldest closed batch. */
  commitBatch(): void {
    const batch = this.#batches.shift();
    if (!batch) return;
    this.#store.commit(batch.lastSeqno);
    const state = confineView(this.#store.readAt(batch.lastSeqno), this.#maps);
    this.adapter.onCommitted({ view: this.#view, ...batch, state });
    for (const { id } of this.#entries) {
      if (id.seqno >= batch.firstSeqno && id.seqno <= batch.lastSeqno)
        this.#decide(id, 'Committed');
    }
  }

  /** Lets due timers run, closes and commits until nothing is open. */
  settle(): void {
    for (let round = 0; ; round++) {
      if (round === settleRoundsMax) {
        throw adapterError('ConformanceFailed', 'The adapter does not come to rest.');
      }
      this.clock.advance(0);
      this.closeBatch();
      while (this.#batches.length > 0) this.commitBatch();
      this.clock.advance(0);
      if (!this.#isPrimary || this.#store.seqno < this.#nextBatchFirst) return;
    }
  }

  /** Discards everything above `to` and goes on in the next view. */
  rollback(to: Seqno): void {
    this.#store.rollback(to);
    const undone = this.#entries.filter(({ id }) => id.seqno > to);
    this.#entries = this.#entries.filter(({ id }) => id.seqno <= to);
    this.#batches = this.#batches.filter(({ lastSeqno }) => lastSeqno <= to);
    this.#nextBatchFirst = asSeqno((this.#batches.at(-1)?.lastSeqno ?? this.#store.committed) + 1);
    this.#view = asView(this.#view + 1);
    this.adapter.rolledBack(to);
    for (const { id } of undone) this.#decide(id, 'Invalid');
  }

  /** Refuses every write, as a node that is busy or no primary does; `undefined` takes them again. */
  refuseWrites(refusal: LedgerError | undefined): void {
    this.#refusal = refusal;
  }

  /** Loses the office: discards what is not committed. */
  loseOffice(): void {
    this.#isPrimary = false;
    this.rollback(this.#store.committed);
  }

  /** Gains the office: the new view opens with a batch that is a signature alone. */
  gainOffice(): void {
    this.#isPrimary = true;
    this.#view = asView(this.#view + 1);
    this.#endBatch();
    this.commitBatch();
  }

  /** As a backup: takes over what another host of the same ledger has committed since. */
  follow(primary: TestHost): void {
    const last = primary.#store.committed;
    const firstSeqno = asSeqno(this.#store.seqno + 1);
    if (last < firstSeqno) return;
    for (const entry of primary.#entries) {
      if (entry.id.seqno < firstSeqno || entry.id.seqno > last) continue;
      if (entry.id.seqno > this.#store.seqno + 1) this.#store.skip(asSeqno(entry.id.seqno - 1));
      this.#store.apply(entry.writeSet, entry.id.seqno);
      this.#entries.push(entry);
    }
    if (this.#store.seqno < last) this.#store.skip(last);
    this.#store.seal();
    this.#store.commit(last);
    this.#view = primary.#view;
    this.#nextBatchFirst = asSeqno(last + 1);
    const state = this.committed();
    this.adapter.onCommitted({ view: this.#view, firstSeqno, lastSeqno: last, state });
  }

  #append(
    kind: TestEntry['kind'],
    transaction: Transaction,
    claimsDigest: Uint8Array | undefined,
  ): TransactionId {
    const writeSet = transaction.writeSet();
    const id = { view: this.#view, seqno: asSeqno(this.#store.seqno + 1) };
    this.#store.apply(writeSet, id.seqno);
    this.#entries.push({ id, kind, writeSet, claimsDigest });
    return id;
  }

  /** The signature entry takes the batch's last seqno and writes nothing of the adapter's. */
  #endBatch(): void {
    const lastSeqno = asSeqno(this.#store.seqno + 1);
    this.#store.skip(lastSeqno);
    this.#store.seal();
    this.#batches.push({ firstSeqno: this.#nextBatchFirst, lastSeqno });
    this.#nextBatchFirst = asSeqno(lastSeqno + 1);
  }

  #takeTurnSoon(): void {
    if (!this.#isAutomatic || this.#isTurnScheduled) return;
    this.#isTurnScheduled = true;
    queueMicrotask(() => {
      this.#isTurnScheduled = false;
      this.settle();
    });
  }

  #decide(id: TransactionId, decision: Decision): void {
    const key = formatTransactionId(id);
    for (const resolve of this.#waiting.get(key) ?? []) resolve(decision);
    this.#waiting.delete(key);
  }
}

function sameId(left: TransactionId, right: TransactionId): boolean {
  return left.view === right.view && left.seqno === right.seqno;
}
