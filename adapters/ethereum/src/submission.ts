/**
 * From an admitted transaction to its entry: executes at once what can execute, lets wait what
 * cannot yet, and takes back what a rollback undid. All of it is synchronous: no other write comes
 * between a check and its execution.
 */

import type { Host } from '@coco/adapter';
import { fromHex, LedgerError, type Seqno, type TransactionId, toHex } from '@coco/base';
import type { ReadView } from '@coco/kv';
import type { AdmittedTransaction } from './admission.ts';
import type { BlockBuilder } from './block-builder.ts';
import { ethereumError } from './errors.ts';
import { EthereumState } from './ethereum-state.ts';
import type { EthereumSettings } from './options.ts';
import { Relay } from './relay.ts';
import type { RelayResult } from './relay-message.ts';
import { assertFitsAccount, assertFitsChain, assertNonceFree } from './transaction-checks.ts';
import { TransactionQueue } from './transaction-queue.ts';

/** An executed transaction whose entry is not committed yet. */
interface InFlight {
  readonly id: TransactionId;
  readonly transaction: AdmittedTransaction;
}

/** How often a backup looks for transactions whose nonces others used. */
const sweepMs = 5_000;

/** What became of a transaction that someone waits for. */
export type Outcome = 'committed' | 'dropped';

/** Refusals that pass by themselves: the transaction is good, the moment is not. */
const passing: ReadonlySet<string> = new Set([
  'BlockFull',
  'TooManyPendingTransactions',
  'BatchFull',
  'NodeCannotHandleRequest',
]);

export class Submission {
  readonly #host: Host;
  readonly #builder: BlockBuilder;
  readonly #settings: EthereumSettings;
  readonly #queue: TransactionQueue;
  /** In order of seqno. */
  #inFlight: InFlight[] = [];
  /**
   * Senders whose next transaction waits for the node, not for a lower nonce. Only these are tried
   * when there is room again: what has a gap may be thousands, and cannot execute anyway.
   */
  readonly #ready = new Map<string, Uint8Array>();
  #cancelDrain: (() => void) | undefined;
  /** Who waits for a transaction, by its hash in hex. */
  readonly #awaited = new Map<string, Set<(outcome: Outcome) => void>>();
  readonly #relay: Relay;
  /** The newest block whose transactions wait no more. */
  #settledNumber: bigint;
  #sweptMs: number;

  constructor(parts: {
    readonly host: Host;
    readonly builder: BlockBuilder;
    readonly settings: EthereumSettings;
  }) {
    this.#host = parts.host;
    this.#builder = parts.builder;
    this.#settings = parts.settings;
    this.#queue = new TransactionQueue(parts.settings.limits);
    this.#settledNumber = new EthereumState(parts.host.committed()).headNumber();
    this.#sweptMs = parts.host.clock.monotonicMs();
    this.#relay = new Relay({
      host: parts.host,
      waiting: () => this.#queue.all(),
      isAwaited: (transaction) => this.#isAwaited(transaction),
      drop: (transaction, { code }) => this.#drop(transaction, code),
      sweep: () => this.#sweep(),
    });
  }

  /** Whether transactions execute on this node now. */
  get executesHere(): boolean {
    return this.#host.isPrimary();
  }

  /** How many transactions wait. */
  get queuedCount(): number {
    return this.#queue.size;
  }

  /** A transaction that waits. */
  queued(hash: Uint8Array): AdmittedTransaction | undefined {
    return this.#queue.get(hash);
  }

  /** What is executed and not committed, then what waits. */
  *unsettled(): Iterable<AdmittedTransaction> {
    for (const { transaction } of this.#inFlight) yield transaction;
    yield* this.#queue.all();
  }

  /** The nonce of a sender's next transaction, after those that wait here. */
  nextNonce(sender: Uint8Array, accountNonce: bigint): bigint {
    let nonce = accountNonce;
    while (this.#queue.next(sender, nonce)) nonce++;
    return nonce;
  }

  /**
   * Takes a client's transaction, whichever node executes: from here on this one keeps it until it
   * is decided. Resolves with the primary's refusal, if it refuses.
   * @throws TransactionKnown, the checks' and the engine's refusals, SenderQueueFull, PoolFull,
   * ReplacementUnderpriced
   */
  async take(transaction: AdmittedTransaction): Promise<RelayResult> {
    if (this.#host.isPrimary()) {
      this.submit(transaction);
      return undefined;
    }
    const { decoded, sender } = transaction;
    const state = new EthereumState(this.#host.committed());
    assertFitsChain(transaction, state.chain(), this.#settings);
    // Nonces never go back; funds may have come since, so the primary looks at those.
    assertNonceFree(decoded, state.getAccount(sender));
    this.#queue.add(transaction, this.#host.clock.nowMs());
    this.#markReady(sender);
    return this.#relay.relay(transaction);
  }

  /**
   * Executes or queues a transaction, on the primary. The id is absent while it waits. With
   * `isAwaited` a client of another node waits for its commit.
   * @throws TransactionKnown, the checks' and the engine's refusals, NodeCannotHandleRequest,
   * SenderQueueFull, PoolFull, ReplacementUnderpriced
   */
  submit(transaction: AdmittedTransaction, isAwaited = false): TransactionId | undefined {
    // Only a primary may let a transaction wait; on any other node the host's own refusal is due.
    if (!this.#host.isPrimary()) this.#host.execute(() => ({ result: undefined }));
    const { decoded, sender } = transaction;
    const state = new EthereumState(this.#host.executed());
    if (this.#queue.has(decoded.hash) || this.#isInFlight(state, decoded.hash)) {
      throw ethereumError('TransactionKnown', 'already known');
    }
    assertFitsChain(transaction, state.chain(), this.#settings);
    const account = state.getAccount(sender);
    assertFitsAccount(decoded, account);
    const nowMs = this.#host.clock.nowMs();
    if (decoded.nonce > (account?.nonce ?? 0n)) {
      this.#queue.add(transaction, nowMs);
      return undefined;
    }
    const id = this.#executeOrQueue(transaction, nowMs);
    if (id && isAwaited) this.#expect(id);
    if (id) this.#promote(sender);
    return id;
  }

  /** Calls back once, when the transaction is decided. The returned function ends the wait. */
  onDecided(hash: Uint8Array, callback: (outcome: Outcome) => void): () => void {
    const key = toHex(hash);
    const waiting = this.#awaited.get(key) ?? new Set();
    this.#awaited.set(key, waiting.add(callback));
    return () => {
      waiting.delete(callback);
      if (waiting.size === 0 && this.#awaited.get(key) === waiting) this.#awaited.delete(key);
    };
  }

  /** Executes what has waited, as far as it can. */
  drain(): void {
    if (!this.#host.isPrimary()) return;
    for (const [key, sender] of this.#ready) {
      if (!this.#promote(sender)) return;
      this.#ready.delete(key);
    }
  }

  /** Drains soon, outside the present step. */
  drainSoon(): void {
    if (this.#ready.size === 0 || this.#cancelDrain) return;
    this.#cancelDrain = this.#host.clock.setTimer(0, () => {
      this.#cancelDrain = undefined;
      this.drain();
    });
  }

  committed(lastSeqno: Seqno, view: ReadView): void {
    const state = new EthereumState(view);
    this.#settle(state);
    for (const key of this.#awaited.keys()) {
      if (state.hasTransaction(fromHex(key))) this.#tell(key, 'committed');
    }
    const firstKept = this.#inFlight.findIndex(({ id }) => id.seqno > lastSeqno);
    this.#inFlight = firstKept < 0 ? [] : this.#inFlight.slice(firstKept);
    this.drainSoon();
  }

  /** What was executed above `to` waits again, to be executed anew where it is still valid. */
  rolledBack(to: Seqno): void {
    const nowMs = this.#host.clock.nowMs();
    for (const { id, transaction } of this.#inFlight) {
      if (id.seqno > to) this.#queue.putBack(transaction, nowMs);
    }
    this.#inFlight = this.#inFlight.filter(({ id }) => id.seqno <= to);
    // Another node may have executed what closes a gap here.
    for (const sender of this.#queue.senders()) this.#markReady(sender);
    this.drainSoon();
    // Another node executes now, or will: it gets what this one had executed in vain.
    if (this.#queue.size > 0) this.#relay.wake();
  }

  stop(): void {
    this.#relay.stop();
    this.#cancelDrain?.();
    this.#cancelDrain = undefined;
  }

  /** geth says "already known" until the block is there and "nonce too low" from then on. */
  #isInFlight(executed: EthereumState, hash: Uint8Array): boolean {
    if (!executed.hasTransaction(hash)) return false;
    return !new EthereumState(this.#host.committed()).hasTransaction(hash);
  }

  /** Executes; on a passing refusal lets the transaction wait instead. */
  #executeOrQueue(transaction: AdmittedTransaction, nowMs: number): TransactionId | undefined {
    try {
      return this.#execute(transaction);
    } catch (error) {
      if (!isPassing(error)) throw error;
      this.#queue.add(transaction, nowMs);
      this.#markReady(transaction.sender);
      return undefined;
    }
  }

  #markReady(sender: Uint8Array): void {
    this.#ready.set(toHex(sender), sender);
  }

  #execute(transaction: AdmittedTransaction): TransactionId | undefined {
    const { id } = this.#builder.execute(transaction);
    if (id) this.#inFlight.push({ id, transaction });
    if (id && this.#isAwaited(transaction)) this.#expect(id);
    return id;
  }

  #isAwaited({ decoded }: AdmittedTransaction): boolean {
    return this.#awaited.size > 0 && this.#awaited.has(toHex(decoded.hash));
  }

  /** Tells the host that somebody waits for the commit: the batch does not gather for long. */
  #expect(id: TransactionId): void {
    void this.#host.whenDecided(id);
  }

  /** Its time came and it is no longer valid: geth drops such a transaction silently too. */
  #drop(transaction: AdmittedTransaction, code: string): void {
    this.#queue.remove(transaction);
    this.#tellDropped(transaction);
    this.#host.log.write('info', 'ethereum_transaction_dropped', { code });
  }

  #tellDropped({ decoded }: AdmittedTransaction): void {
    this.#tell(toHex(decoded.hash), 'dropped');
  }

  #tell(key: string, outcome: Outcome): void {
    const waiting = this.#awaited.get(key) ?? [];
    this.#awaited.delete(key);
    for (const callback of waiting) callback(outcome);
  }

  /** What another node put into a block waits here no more. */
  #settle(state: EthereumState): void {
    const head = state.headNumber();
    for (let number = this.#settledNumber + 1n; number <= head; number++) {
      if (this.#queue.size === 0) break;
      for (const hash of state.block(number)?.transactionHashes ?? []) {
        const waiting = this.#queue.get(hash);
        if (waiting) this.#queue.remove(waiting);
      }
    }
    this.#settledNumber = head;
  }

  /** Drops what can never execute: its nonce went to another transaction. */
  #sweep(): void {
    const nowMs = this.#host.clock.monotonicMs();
    if (this.#host.isPrimary() || nowMs - this.#sweptMs < sweepMs) return;
    this.#sweptMs = nowMs;
    const state = new EthereumState(this.#host.committed());
    for (const sender of this.#queue.senders()) {
      const nonce = state.getAccount(sender)?.nonce ?? 0n;
      for (const dropped of this.#queue.dropBelow(sender, nonce)) this.#tellDropped(dropped);
    }
  }

  /** Executes a sender's waiting transactions in order; false when the node takes no more now. */
  #promote(sender: Uint8Array): boolean {
    while (this.#queue.holdsSender(sender)) {
      const nonce = new EthereumState(this.#host.executed()).getAccount(sender)?.nonce ?? 0n;
      for (const dropped of this.#queue.dropBelow(sender, nonce)) this.#tellDropped(dropped);
      const transaction = this.#queue.next(sender, nonce);
      if (!transaction) return true;
      try {
        this.#execute(transaction);
        this.#queue.remove(transaction);
      } catch (error) {
        if (isPassing(error)) {
          this.#markReady(sender);
          return false;
        }
        if (!(error instanceof LedgerError)) throw error;
        this.#drop(transaction, error.code);
        return true;
      }
    }
    return true;
  }
}

function isPassing(error: unknown): boolean {
  return error instanceof LedgerError && passing.has(error.code);
}
