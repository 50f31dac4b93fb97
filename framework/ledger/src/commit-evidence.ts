/**
 * Commit evidence: a string that only a holder of the ledger secret can make, whose digest stands
 * in the entry. It is handed out in a receipt, that is after commit. Source: CCF's ledger format.
 */
import { formatTransactionId, type TransactionId } from '@coco/base';
import type { LedgerSecret } from './ledger-secrets.ts';

/** `ce:<view>.<seqno>:<64 hex digits>`. */
export function commitEvidence(secret: Pick<LedgerSecret, 'commitKey'>, id: TransactionId): string {
  const text = formatTransactionId(id);
  return `ce:${text}:${secret.commitKey.tagOf(text)}`;
}
