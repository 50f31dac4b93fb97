/**
 * Where a recovered ledger ends. Whoever keeps a ledger's files can cut them before the recovery:
 * then everything behind the cut is as if it had never been. So a member opens nothing that ends
 * before something that it has seen committed, or of which it holds a receipt.
 */
import {
  asSeqno,
  asView,
  formatTransactionId,
  parseTransactionId,
  type TransactionId,
} from '@coco/base';
import { recoveryViewGap } from '@coco/governance';
import { verifyReceipt } from '@coco/receipt';
import { memberError } from './errors.ts';

/**
 * The last signed transaction that a recovering service took over; `createdBy` is the transaction
 * that created the service, which comes right behind it.
 */
export function recoveredPoint(createdBy: string): TransactionId {
  const { view, seqno } = parseTransactionId(createdBy);
  const isFirst = view <= recoveryViewGap || seqno <= 1;
  if (isFirst) throw memberError('GovernanceRefused', 'The service has not recovered anything.');
  return { view: asView(view - recoveryViewGap), seqno: asSeqno(seqno - 1) };
}

/** Something that a member knows to have been committed. */
export interface Seen {
  readonly transactionId: TransactionId;
  /** How it knows: "the receipt in FILE". */
  readonly from: string;
}

/** @throws RecoveredTooLittle */
export function assertRecoveredEnough(point: TransactionId, seen: readonly Seen[]): void {
  for (const { transactionId, from } of seen) {
    if (transactionId.seqno <= point.seqno) continue;
    throw memberError(
      'RecoveredTooLittle',
      `The recovered ledger ends at ${formatTransactionId(point)}, before transaction ` +
        `${formatTransactionId(transactionId)} (${from}): do not open it, ask its operators for ` +
        'the ledger of another node.',
    );
  }
}

/**
 * The transaction that a receipt proves, by one of the identities that the service had.
 * @throws what verifyReceipt throws when none of them signed it
 */
export async function transactionOfReceipt(
  receipt: Uint8Array,
  identities: readonly string[],
): Promise<TransactionId> {
  let refusal: unknown;
  for (const serviceIdentity of identities) {
    try {
      return (await verifyReceipt({ receipt, serviceIdentity })).transactionId;
    } catch (error) {
      refusal = error;
    }
  }
  throw (
    refusal ??
    memberError('MemberFileInvalid', 'No identity of the service is known that signed receipts.')
  );
}
