/**
 * Admitted transactions that cannot execute yet: a lower nonce of their sender is missing, the
 * open block is full, or the node takes no more work for the moment. Bounded; lives in memory.
 */
import { toHex } from '@coco/base';
import type { AdmittedTransaction } from './admission.ts';
import { ethereumError } from './errors.ts';

export interface QueueLimits {
  readonly queuedPerSenderMax: number;
  readonly queuedMax: number;
  readonly queuedBytesMax: number;
  readonly queuedMsMax: number;
}

interface Queued {
  readonly transaction: AdmittedTransaction;
  readonly hash: string;
  readonly sender: string;
  readonly sinceMs: number;
}

/** A replacement must offer this much more, in per cent of the fees of what it replaces (geth). */
const replacementPercent = 110n;

export class TransactionQueue {
  readonly #limits: QueueLimits;
  /** Invariant: holds the same transactions as #byHash. */
  readonly #bySender = new Map<string, Map<bigint, Queued>>();
  /** In order of arrival, so that the oldest is first. */
  readonly #byHash = new Map<string, Queued>();
  /** Invariant: the raw bytes of all that wait. */
  #byteCount = 0;

  constructor(limits: QueueLimits) {
    this.#limits = limits;
  }

  get size(): number {
    return this.#byHash.size;
  }

  get(hash: Uint8Array): AdmittedTransaction | undefined {
    return this.#byHash.get(toHex(hash))?.transaction;
  }

  has(hash: Uint8Array): boolean {
    return this.size > 0 && this.#byHash.has(toHex(hash));
  }

  /** Whether transactions of a sender wait. */
  holdsSender(sender: Uint8Array): boolean {
    return this.size > 0 && this.#bySender.has(toHex(sender));
  }

  /** The transaction of a sender with exactly this nonce. */
  next(sender: Uint8Array, nonce: bigint): AdmittedTransaction | undefined {
    return this.#bySender.get(toHex(sender))?.get(nonce)?.transaction;
  }

  /** Everything that waits, oldest first. */
  *all(): Iterable<AdmittedTransaction> {
    for (const { transaction } of this.#byHash.values()) yield transaction;
  }

  /** Who has transactions here. */
  senders(): readonly Uint8Array[] {
    const senders: Uint8Array[] = [];
    for (const waiting of this.#bySender.values()) {
      for (const { transaction } of waiting.values()) {
        senders.push(transaction.sender);
        break;
      }
    }
    return senders;
  }

  /** Drops a sender's transactions whose nonces are used by now, and says which. */
  dropBelow(sender: Uint8Array, nonce: bigint): readonly AdmittedTransaction[] {
    const dropped = [...(this.#bySender.get(toHex(sender))?.values() ?? [])]
      .map(({ transaction }) => transaction)
      .filter(({ decoded }) => decoded.nonce < nonce);
    for (const transaction of dropped) this.remove(transaction);
    return dropped;
  }

  /** @throws TransactionKnown, ReplacementUnderpriced, SenderQueueFull, PoolFull */
  add(transaction: AdmittedTransaction, nowMs: number): void {
    this.#expire(nowMs);
    const queued = asQueued(transaction, nowMs);
    if (this.#byHash.has(queued.hash)) throw ethereumError('TransactionKnown', 'already known');
    const waiting = this.#bySender.get(queued.sender);
    const replaced = waiting?.get(transaction.decoded.nonce);
    if (replaced) {
      assertOutbids(transaction, replaced.transaction);
      this.remove(replaced.transaction);
    } else if ((waiting?.size ?? 0) >= this.#limits.queuedPerSenderMax) {
      throw ethereumError('SenderQueueFull', 'account limit exceeded', {
        queuedPerSenderMax: this.#limits.queuedPerSenderMax,
      });
    } else if (
      this.size >= this.#limits.queuedMax ||
      this.#byteCount + transaction.raw.length > this.#limits.queuedBytesMax
    ) {
      throw ethereumError('PoolFull', 'txpool is full', {
        size: this.size,
        byteCount: this.#byteCount,
      });
    }
    this.#put(queued);
  }

  /** Takes back what had been executed and was rolled back; past the limits, if need be. */
  putBack(transaction: AdmittedTransaction, nowMs: number): void {
    const queued = asQueued(transaction, nowMs);
    const replaced = this.next(transaction.sender, transaction.decoded.nonce);
    if (replaced) this.remove(replaced);
    this.#put(queued);
  }

  remove(transaction: AdmittedTransaction): void {
    const { hash, sender } = asQueued(transaction, 0);
    if (!this.#byHash.delete(hash)) return;
    this.#byteCount -= transaction.raw.length;
    const waiting = this.#bySender.get(sender);
    waiting?.delete(transaction.decoded.nonce);
    if (waiting?.size === 0) this.#bySender.delete(sender);
  }

  #put(queued: Queued): void {
    this.#byHash.set(queued.hash, queued);
    this.#byteCount += queued.transaction.raw.length;
    const waiting = this.#bySender.get(queued.sender) ?? new Map<bigint, Queued>();
    waiting.set(queued.transaction.decoded.nonce, queued);
    this.#bySender.set(queued.sender, waiting);
  }

  #expire(nowMs: number): void {
    for (const queued of this.#byHash.values()) {
      if (nowMs - queued.sinceMs < this.#limits.queuedMsMax) return;
      this.remove(queued.transaction);
    }
  }
}

function asQueued(transaction: AdmittedTransaction, sinceMs: number): Queued {
  return {
    transaction,
    hash: toHex(transaction.decoded.hash),
    sender: toHex(transaction.sender),
    sinceMs,
  };
}

function assertOutbids(transaction: AdmittedTransaction, replaced: AdmittedTransaction): void {
  const [offer, before] = [transaction.decoded, replaced.decoded];
  const tip = offer.maxPriorityFeePerGas ?? offer.maxFeePerGas;
  const tipBefore = before.maxPriorityFeePerGas ?? before.maxFeePerGas;
  const isEnough =
    offer.maxFeePerGas > before.maxFeePerGas &&
    tip > tipBefore &&
    offer.maxFeePerGas * 100n >= before.maxFeePerGas * replacementPercent &&
    tip * 100n >= tipBefore * replacementPercent;
  if (!isEnough) {
    throw ethereumError('ReplacementUnderpriced', 'replacement transaction underpriced');
  }
}
