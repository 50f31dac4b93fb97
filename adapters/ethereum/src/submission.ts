/**
 * From an admitted transaction to its entry: executes at once what can execute, lets wait what
 * cannot yet, and takes back what a rollback undid. All of it is synchronous: no other write comes
 * between a check and its execution.
 */

import type { Host } from '@coco/adapter';
import { LedgerError, type Seqno, type TransactionId, toHex } from '@coco/base';
import type { AdmittedTransaction } from './admission.ts';
import type { BlockBuilder } from './block-builder.ts';
import { ethereumError } from './errors.ts';
import { EthereumState } from './ethereum-state.ts';
import type { EthereumSettings } from './options.ts';
import { assertFitsAccount, assertFitsChain } from './transaction-checks.ts';
import { TransactionQueue } from './transaction-queue.ts';

/** An executed transaction whose entry is not committed yet. */
interface InFlight {
  readonly id: TransactionId;
  readonly transaction: AdmittedTransaction;
}

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
  /** Who waits for a waiting transaction, by its hash in hex; at most one each. */
  readonly #awaited = new Map<string, (id: TransactionId | undefined) => void>();

  constructor(parts: {
    readonly host: Host;
    readonly builder: BlockBuilder;
    readonly settings: EthereumSettings;
  }) {
    this.#host = parts.host;
    this.#builder = parts.builder;
    this.#settings = parts.settings;
    this.#queue = new TransactionQueue(parts.settings.limits);
  }

  /** How many transactions wait. */
  get queuedCount(): number {
    return this.#queue.size;
  }

  /** A transaction that waits. */
  queued(hash: Uint8Array): AdmittedTransaction | undefined {
    return this.#queue.get(hash);
  }

  /**
   * Executes or queues a transaction. The id is absent while it waits.
   * @throws TransactionKnown, the checks' and the engine's refusals, NodeCannotHandleRequest,
   * SenderQueueFull, PoolFull, ReplacementUnderpriced
   */
  submit(transaction: AdmittedTransaction): TransactionId | undefined {
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
    if (id) this.#promote(sender);
    return id;
  }

  /**
   * For a transaction that waits: calls back once, with its id when it executes, without one when
   * it is dropped. The returned function ends the wait.
   */
  onExecuted(hash: Uint8Array, callback: (id: TransactionId | undefined) => void): () => void {
    const key = toHex(hash);
    this.#awaited.set(key, callback);
    return () => this.#awaited.delete(key);
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

  committed(lastSeqno: Seqno): void {
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
  }

  stop(): void {
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
    this.#tell(transaction, id);
    return id;
  }

  #tell(transaction: AdmittedTransaction, id: TransactionId | undefined): void {
    if (this.#awaited.size === 0) return;
    const key = toHex(transaction.decoded.hash);
    const callback = this.#awaited.get(key);
    this.#awaited.delete(key);
    callback?.(id);
  }

  /** Executes a sender's waiting transactions in order; false when the node takes no more now. */
  #promote(sender: Uint8Array): boolean {
    while (this.#queue.holdsSender(sender)) {
      const nonce = new EthereumState(this.#host.executed()).getAccount(sender)?.nonce ?? 0n;
      this.#queue.dropBelow(sender, nonce);
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
        // Its time came and it is no longer valid: geth drops such a transaction silently too.
        this.#queue.remove(transaction);
        this.#tell(transaction, undefined);
        this.#host.log.write('info', 'ethereum_transaction_dropped', { code: error.code });
        return true;
      }
    }
    return true;
  }
}

function isPassing(error: unknown): boolean {
  return error instanceof LedgerError && passing.has(error.code);
}
