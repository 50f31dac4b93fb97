/**
 * A ledger of counters: the smallest adapter that keeps everything a real one keeps. It caches rows
 * in memory and counts what the open batch holds: both are derived, and wrong at once where a hook
 * is forgotten. The reference state knows what every row must be.
 */
import type { Adapter, Host, OpenBatch, Write } from '@coco/adapter';
import { present, type Seqno, type TransactionId, utf8Decode, utf8Encode } from '@coco/base';
import type { Endpoint } from '@coco/endpoint';
import type { MapWriter, Transaction } from '@coco/kv';

export const countersMap = 'counters.rows';
/** A counter outside the adapter, which clients increment by handlers that wait. */
export const optimisticMap = 'simulator.counters';
export const totalsMap = 'counters.totals';
export const totalKey: Uint8Array = utf8Encode('total');

export function encodeCount(count: number): Uint8Array {
  return utf8Encode(String(count));
}

export function decodeCount(value: Uint8Array | undefined): number {
  return value ? Number(utf8Decode(value)) : 0;
}

export class CountersAdapter implements Adapter {
  readonly name = 'counters';
  readonly maps: readonly string[] = [countersMap, totalsMap];
  readonly endpoints: readonly Endpoint[] = [];
  /** Executed values of rows, so that the store need not be asked. */
  readonly #cache = new Map<string, number>();
  /** Increments of the open batch. */
  #openCount = 0;
  #host: Host | undefined;

  genesis(transaction: Transaction): void {
    transaction.map(totalsMap).set(totalKey, encodeCount(0));
  }

  start(host: Host): void {
    this.#host = host;
  }

  /**
   * Adds one to a counter at once, and tells the new count.
   * @throws NodeCannotHandleRequest, TooManyPendingTransactions
   */
  increment(name: string): { readonly id: TransactionId; readonly count: number } {
    const host = present(this.#host, 'the adapter has started');
    const { result, id } = host.execute((transaction) => {
      const rows = transaction.map(countersMap);
      return { result: this.#addOne(rows, name) };
    });
    this.#cache.set(name, result);
    this.#openCount++;
    return { id: present(id, 'an increment writes a row'), count: result };
  }

  seal(transaction: Transaction, _batch: OpenBatch): Write<void> {
    if (this.#openCount > 0) {
      const totals = transaction.map(totalsMap);
      totals.set(totalKey, encodeCount(decodeCount(totals.get(totalKey)) + this.#openCount));
    }
    this.#openCount = 0;
    return { result: undefined };
  }

  visible(): boolean {
    return true;
  }

  onCommitted(): void {
    // What others executed is not in the cache of this node.
    if (!this.#host?.isPrimary()) this.#cache.clear();
  }

  /** A node rolls back to the end of a batch: what is left is sealed. */
  rolledBack(_to: Seqno): void {
    this.#cache.clear();
    this.#openCount = 0;
  }

  async stop(): Promise<void> {}

  #addOne(rows: MapWriter, name: string): number {
    const key = utf8Encode(name);
    const before = this.#cache.get(name) ?? decodeCount(rows.get(key));
    rows.set(key, encodeCount(before + 1));
    return before + 1;
  }
}
