/** Codes of @coco/constitution, for what runs outside of the isolate. */
import { defineErrors, type ErrorMetadata, type LedgerError } from '@coco/base';

export const constitutionError: (
  code: 'RulesDocumentInvalid' | 'RulesDocumentUnsafe',
  message: string,
  metadata?: ErrorMetadata,
  cause?: unknown,
) => LedgerError = defineErrors({
  RulesDocumentInvalid: {
    kind: 'refusal',
    status: 400,
    meaning: 'A rules document does not have its form.',
  },
  RulesDocumentUnsafe: {
    kind: 'refusal',
    status: 400,
    meaning: 'A rules document would let a minority of the consortium take over.',
  },
});
