/**
 * The third judgement: does the service still have what this client saw committed? A service set
 * back to an older ledger has genuine evidence and a genuine key; only the client's memory tells.
 */
import { formatTransactionId, type TransactionId } from '@coco/base';
import { sdkError } from './errors.ts';
import type { Memory } from './memory.ts';
import type { TransactionStatus } from './service-api.ts';

/** What the check asks of the service. */
export interface HistoryReader {
  commit(): Promise<TransactionId>;
  status(id: TransactionId): Promise<TransactionStatus>;
  /** Waits between two tries; false when no time is left. */
  mayRetry(): Promise<boolean>;
}

/**
 * Returns the service's newest committed transaction. A backup may lag for a moment behind what the
 * primary has committed, so the service gets a short time to catch up.
 * @throws ServiceBehind, ServiceForked
 */
export async function verifyContinuity(
  memory: Memory,
  reader: HistoryReader,
): Promise<TransactionId> {
  const seen = memory.committed;
  for (;;) {
    const now = await reader.commit();
    if (!seen) return now;
    const status = now.seqno >= seen.seqno ? await reader.status(seen) : 'Unknown';
    if (status === 'Committed') {
      assertSameViews(seen, now);
      return now;
    }
    const metadata = {
      seen: formatTransactionId(seen),
      committed: formatTransactionId(now),
      status,
    };
    // Invalid is final: the place of the transaction is taken by another.
    if (status === 'Invalid') {
      throw sdkError('ServiceBehind', 'The service lost a transaction that was seen.', metadata);
    }
    if (!(await reader.mayRetry())) {
      throw sdkError('ServiceBehind', 'The service is behind what was seen committed.', metadata);
    }
  }
}

/** Views never go down along a history. */
function assertSameViews(seen: TransactionId, now: TransactionId): void {
  if (now.view >= seen.view) return;
  throw sdkError('ServiceForked', 'The view went down after a transaction that was seen.', {
    seen: formatTransactionId(seen),
    committed: formatTransactionId(now),
  });
}
