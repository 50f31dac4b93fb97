/**
 * Answers about a transaction id are consistent for ever, on all nodes together: what one node says
 * is Committed no node says is Invalid, and no answer is taken back. A decision of one node may be
 * Unknown or Pending to another that has not heard of it, never to the same one.
 */
import { formatTransactionId, type TransactionId } from '@coco/base';
import type { TransactionStatus } from '@coco/endpoint';
import { check } from './errors.ts';

interface Decided {
  readonly status: TransactionStatus;
  /** Nodes that have said so. */
  readonly by: Set<number>;
}

export class StatusChecker {
  readonly #decided = new Map<string, Decided>();
  #count = 0;

  /** Answers seen. */
  get count(): number {
    return this.#count;
  }

  /** Ids that some node has called Committed. */
  committed(): readonly string[] {
    return [...this.#decided].filter(([, { status }]) => status === 'Committed').map(([id]) => id);
  }

  /**
   * The service is recovered by other nodes. What was said of the ledger behind `kept` was declared
   * as lost; everything else must still hold.
   */
  recovered(kept: number): void {
    for (const [id, { by }] of this.#decided) {
      by.clear();
      if (Number(id.split('.')[1]) > kept) this.#decided.delete(id);
    }
  }

  answered(node: number, id: TransactionId, status: TransactionStatus): void {
    this.#count++;
    const key = formatTransactionId(id);
    const known = this.#decided.get(key);
    if (status === 'Committed' || status === 'Invalid') {
      const said = known?.status ?? status;
      check(said === status, `${key} was ${said}, and node ${node} says ${status}`);
      if (known) known.by.add(node);
      else this.#decided.set(key, { status, by: new Set([node]) });
      return;
    }
    const isTakenBack = known?.by.has(node) ?? false;
    check(!isTakenBack, `node ${node} said that ${key} is ${known?.status}, and now ${status}`);
  }
}
