/** Codes of @coco/merkle. */
import { defineErrors, type ErrorMetadata, type LedgerError } from '@coco/base';

export const refuseTree: (
  code: 'InvalidMerkleTree',
  message: string,
  metadata?: ErrorMetadata,
  cause?: unknown,
) => LedgerError = defineErrors({
  InvalidMerkleTree: {
    kind: 'refusal',
    status: 400,
    meaning: 'The bytes are not a serialised Merkle tree.',
  },
});
