/** Codes of @coco/recovery. */
import { defineErrors, type ErrorMetadata, type LedgerError } from '@coco/base';

export const recoveryError: (
  code:
    | 'LedgersFork'
    | 'LedgersUnrelated'
    | 'NothingToRecover'
    | 'BetterLedgerGiven'
    | 'TooFewLedgers'
    | 'BackupDamaged'
    | 'BackupForeign'
    | 'RestoreTargetNotEmpty',
  message: string,
  metadata?: ErrorMetadata,
  cause?: unknown,
) => LedgerError = defineErrors({
  LedgersFork: {
    kind: 'refusal',
    status: 409,
    meaning:
      'Two copies hold different signed entries at one place, which no run of one service writes: somebody must find out which of them is forged or was recovered elsewhere.',
  },
  LedgersUnrelated: {
    kind: 'refusal',
    status: 409,
    meaning: 'Two copies are of different services: they do not even begin alike.',
  },
  BetterLedgerGiven: {
    kind: 'refusal',
    status: 409,
    meaning:
      'The ledger to recover from ends before another that was given: what lies between would be lost.',
  },
  TooFewLedgers: {
    kind: 'refusal',
    status: 409,
    meaning:
      'The ledgers given are of so few nodes that others may have committed more; give more, or accept a possible loss.',
  },
  BackupDamaged: {
    kind: 'fault',
    status: 500,
    meaning: 'A backup is not as its manifest says, or has none: use another one.',
  },
  BackupForeign: {
    kind: 'refusal',
    status: 409,
    meaning: 'A backup is of another ledger or service than the one at hand.',
  },
  RestoreTargetNotEmpty: {
    kind: 'refusal',
    status: 409,
    meaning: 'A backup is restored into new or empty folders only.',
  },
  NothingToRecover: {
    kind: 'refusal',
    status: 404,
    meaning: 'No copy given holds a signed ledger that verifies.',
  },
});
