/** Codes of @coco/attestation. InvalidQuote is CCF's; its metadata `check` names what failed. */
import { defineErrors, type ErrorMetadata, type LedgerError } from '@coco/base';

const rows = {
  InvalidQuote: {
    kind: 'refusal',
    status: 401,
    meaning: 'The evidence does not verify, or the policy does not accept what it says.',
  },
  EvidenceMalformed: {
    kind: 'refusal',
    status: 400,
    meaning: 'The bytes or the JSON are not evidence within the limits.',
  },
  UnsupportedEvidenceFormat: {
    kind: 'refusal',
    status: 400,
    meaning: 'The evidence is of a platform that this version cannot verify.',
  },
} as const;

export const refuseEvidence: (
  code: keyof typeof rows,
  message: string,
  metadata?: ErrorMetadata,
  cause?: unknown,
) => LedgerError = defineErrors(rows);
