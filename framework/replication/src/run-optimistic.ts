/**
 * Runs a handler that waits beside the other writes (design, section 3, decision 6): its reads are
 * checked when it is done, and it runs again when another write changed what it had read. What a
 * handler refuses counts only if its reads still hold, too.
 */

import type { Executed, Write } from '@coco/adapter';
import { LedgerError } from '@coco/base';
import type { Transaction } from '@coco/kv';
import type { BatchPipeline } from './batch-pipeline.ts';
import { replicationError } from './errors.ts';

/** CCF's figure. */
const attemptsMax = 30;

type Pipeline = Pick<BatchPipeline, 'beginTracked' | 'executeTracked' | 'isCurrent'>;

/**
 * @throws TransactionCommitAttemptsExceedLimit, NodeCannotHandleRequest,
 *   TooManyPendingTransactions, and what `run` throws
 */
export async function runOptimistic<Result>(
  pipeline: Pipeline,
  run: (transaction: Transaction) => Promise<Write<Result>>,
): Promise<Executed<Result>> {
  for (let attempt = 0; attempt < attemptsMax; attempt++) {
    const tracked = pipeline.beginTracked();
    let written: Write<Result>;
    try {
      written = await run(tracked.transaction);
    } catch (error) {
      if (!(error instanceof LedgerError) || pipeline.isCurrent(tracked)) throw error;
      continue;
    }
    const executed = pipeline.executeTracked(tracked, written);
    if (executed !== 'conflict') return executed;
  }
  throw replicationError(
    'TransactionCommitAttemptsExceedLimit',
    `Other transactions changed what this one reads ${attemptsMax} times; try again.`,
    { attempts: attemptsMax },
  );
}
