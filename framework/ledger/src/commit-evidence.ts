/**
 * Commit evidence: a string that only a holder of the ledger secret can make, whose digest stands
 * in the entry. It is handed out in a receipt, that is after commit. Source: CCF's ledger format.
 */
import { formatTransactionId, type TransactionId, toHex, utf8Encode } from '@coco/base';
import { hmacSha256 } from '@coco/crypto';
import type { LedgerSecret } from './ledger-secrets.ts';

/** `ce:<view>.<seqno>:<64 hex digits>`. */
export function commitEvidence(secret: Pick<LedgerSecret, 'commitKey'>, id: TransactionId): string {
  const text = formatTransactionId(id);
  return `ce:${text}:${toHex(hmacSha256(secret.commitKey, utf8Encode(text)))}`;
}
