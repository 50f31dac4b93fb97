/**
 * Where a recovered ledger ends. Whoever keeps a ledger's files can cut them before the recovery:
 * then everything behind the cut is as if it had never been. So a member opens nothing that ends
 * before something that it has seen committed, or of which it holds a receipt, nor anything that
 * holds another transaction in its place.
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
import { type GovernanceService, objectOf } from './governance-service.ts';

/** What a recovered service says of its recovery. */
export interface RecoveredPoint {
  /** The last signed transaction that it took over. */
  readonly transactionId: TransactionId;
  /** Whether it declares that commits may be missing; undefined where it says nothing of it. */
  readonly mayLackCommits: boolean | undefined;
  /** How many nodes may have voted when the service was lost, and whose ledgers were looked at. */
  readonly mayHaveVotedCount: number;
  readonly lookedAtCount: number;
  /** The snapshot that the ledger begins with; undefined where it is whole. */
  readonly beginsAfter?: number;
}

/**
 * The point that a recovering or recovered service records; of an earlier version of Coco, what
 * follows from the transaction that created the service, which comes right behind it.
 * @throws GovernanceRefused when the service has not recovered anything
 */
export async function readRecoveredPoint(governance: GovernanceService): Promise<RecoveredPoint> {
  const found = await governance.readIfThere('/gov/service/recovery');
  if (found === undefined) {
    const { createdBy } = await governance.info();
    const transactionId = pointBefore(createdBy);
    return { transactionId, mayLackCommits: undefined, mayHaveVotedCount: 0, lookedAtCount: 0 };
  }
  const { recoveredTo, mayLackCommits, mayHaveVoted, lookedAt, beginsAfter } = objectOf(found);
  return {
    transactionId: parseTransactionId(String(recoveredTo)),
    mayLackCommits: mayLackCommits !== false,
    mayHaveVotedCount: Array.isArray(mayHaveVoted) ? mayHaveVoted.length : 0,
    lookedAtCount: Array.isArray(lookedAt) ? lookedAt.length : 0,
    ...(typeof beginsAfter === 'number' && { beginsAfter }),
  };
}

function pointBefore(createdBy: string): TransactionId {
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
export async function assertRecoveredEnough(
  governance: GovernanceService,
  point: TransactionId,
  seen: readonly Seen[],
): Promise<void> {
  const end = formatTransactionId(point);
  const advice = 'do not open it, ask its operators for the ledger of another node.';
  for (const { transactionId, from } of seen) {
    const id = formatTransactionId(transactionId);
    if (transactionId.seqno > point.seqno) {
      const message = `The recovered ledger ends at ${end}, before transaction ${id} (${from}): ${advice}`;
      throw memberError('RecoveredTooLittle', message);
    }
    const found = await governance.read(`/gov/service/transactions/${id}`);
    if (objectOf(found).status === 'Committed') continue;
    const message = `The recovered ledger holds another transaction than ${id} (${from}) in its place: ${advice}`;
    throw memberError('RecoveredTooLittle', message);
  }
}

/**
 * The transaction that a receipt proves, by one of the identities that the service had.
 * `endorsements` lead from the last of them to earlier ones.
 * @throws what verifyReceipt throws when none of them signed it
 */
export async function transactionOfReceipt(
  receipt: Uint8Array,
  identities: readonly string[],
  endorsements: readonly Uint8Array[] = [],
): Promise<TransactionId> {
  let refusal: unknown;
  for (const serviceIdentity of identities) {
    for (const chain of endorsements.length === 0 ? [[]] : [[], endorsements]) {
      try {
        const verified = await verifyReceipt({ receipt, serviceIdentity, endorsements: chain });
        return verified.transactionId;
      } catch (error) {
        refusal ??= error;
      }
    }
  }
  throw (
    refusal ??
    memberError('MemberFileInvalid', 'No identity of the service is known that signed receipts.')
  );
}
