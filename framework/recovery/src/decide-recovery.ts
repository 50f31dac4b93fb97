/**
 * Whether a node recovers from its ledger, given what it found in those of other nodes. It decides
 * and records, not its operator: what the record says of looked-at ledgers, attested code has read.
 */
import { asView, formatTransactionId, type View } from '@coco/base';
import type { RecoveryRow } from '@coco/governance';
import { recoveryError } from './errors.ts';
import { type JudgedCopy, type Judgement, judgeCopies } from './judge-copies.ts';
import type { LedgerCopy } from './survey-copy.ts';

export interface RecoveryDecision {
  readonly judgement: Judgement;
  /** What the recovered service says of itself on the ledger. */
  readonly record: RecoveryRow;
  /** The highest view in any of the ledgers: the recovered service's must exceed it. */
  readonly highestView: View;
}

/**
 * Decides on a recovery from `own`.
 * @throws BetterLedgerGiven, TooFewLedgers; LedgersFork, LedgersUnrelated
 */
export function decideRecovery(
  own: LedgerCopy,
  others: readonly LedgerCopy[],
  options: { readonly isLossAccepted: boolean },
): RecoveryDecision {
  const judgement = judgeCopies([own, ...others]);
  const judged = judgement.copies.find(({ copy }) => copy === own);
  if (judged && judged.standing.kind !== 'equal') throw betterLedger(judged, judgement.best);
  if (!judgement.isEnough && !options.isLossAccepted) throw tooFew(judgement);
  return {
    judgement,
    record: {
      recovered_to: formatTransactionId(own.lastSigned),
      may_lack_commits: !judgement.isEnough,
      looked_at: judgement.seenIds,
      may_have_voted: judgement.nodes.map(({ nodeId }) => nodeId),
      ...(own.beginsAfter > 0 && { begins_after: own.beginsAfter }),
    },
    highestView: asView(Math.max(...[own, ...others].map(({ highestView }) => highestView))),
  };
}

function betterLedger({ copy, standing }: JudgedCopy, best: LedgerCopy): Error {
  const lacking = standing.kind === 'equal' ? 0 : standing.lackingCount;
  return recoveryError(
    'BetterLedgerGiven',
    `${best.name} goes to ${formatTransactionId(best.lastSigned)}, ${copy.name} only to ` +
      `${formatTransactionId(copy.lastSigned)}: recover from ${best.name}, or lose ${lacking} entries.`,
    { best: best.name, lacking },
  );
}

function tooFew({ nodes, seenIds, missingCount, best }: Judgement): Error {
  return recoveryError(
    'TooFewLedgers',
    `Of the ${nodes.length} nodes that may have voted at ${formatTransactionId(best.lastSigned)}, the ` +
      `ledgers of ${seenIds.length} were looked at: others may have committed more. Give the ledgers ` +
      `of ${missingCount} more in "coco.recovery.ledger_directories", or accept a possible loss, ` +
      'which the service then declares.',
    { nodes: nodes.length, lookedAt: seenIds.length, missing: missingCount },
  );
}
