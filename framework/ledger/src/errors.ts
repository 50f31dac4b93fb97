/** Codes of @coco/ledger. */
import { defineErrors, type ErrorMetadata, type LedgerError } from '@coco/base';

export const ledgerError: (
  code:
    | 'LedgerDamaged'
    | 'LedgerUnwritable'
    | 'LedgerNotEmpty'
    | 'EntryTooLarge'
    | 'BatchFull'
    | 'BatchUnverified'
    | 'EntryNotFound'
    | 'EntryNotYetHere'
    | 'ReceiptUnavailable'
    | 'InvalidEndorsement',
  message: string,
  metadata?: ErrorMetadata,
  cause?: unknown,
) => LedgerError = defineErrors({
  LedgerDamaged: {
    kind: 'fault',
    status: 500,
    meaning:
      'A ledger file does not hold what a ledger holds; the metadata names file and seqno. Restore the file from another copy.',
  },
  LedgerUnwritable: {
    kind: 'fault',
    status: 500,
    meaning:
      'A write of the ledger files failed earlier, so that what they hold is unknown: the node must stop and recover.',
  },
  LedgerNotEmpty: {
    kind: 'fault',
    status: 500,
    meaning:
      'A new service finds ledger files in its folder: recover them, or choose another folder.',
  },
  EntryTooLarge: {
    kind: 'refusal',
    status: 413,
    meaning: 'A transaction writes more than one ledger entry may hold.',
  },
  BatchFull: {
    kind: 'refusal',
    status: 503,
    meaning:
      'The entries that wait for their signature, or for commit, have reached their limit; try again when they have committed.',
  },
  BatchUnverified: {
    kind: 'fault',
    status: 500,
    meaning:
      'A batch that consensus committed is not what a primary of this service writes: this node stops rather than go on from it.',
  },
  EntryNotFound: {
    kind: 'refusal',
    status: 404,
    meaning: 'The ledger files hold no entry with that seqno.',
  },
  EntryNotYetHere: {
    kind: 'fault',
    status: 503,
    meaning:
      'The entry is older than the snapshot that the node began from; the node is fetching it from others.',
  },
  ReceiptUnavailable: {
    kind: 'refusal',
    status: 404,
    meaning: 'There is no receipt for a signature entry, nor before a signature covers an entry.',
  },
  InvalidEndorsement: {
    kind: 'refusal',
    status: 400,
    meaning: 'The endorsement of a service identity does not parse or verify.',
  },
});
