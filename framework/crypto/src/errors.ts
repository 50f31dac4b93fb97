/** Codes of @coco/crypto. */
import { defineErrors, type ErrorMetadata, type LedgerError } from '@coco/base';

export const refuseCrypto: (
  code:
    | 'DecryptionFailed'
    | 'InvalidSignature'
    | 'InvalidCertificate'
    | 'InvalidKey'
    | 'InvalidSigningRequest'
    | 'UnsupportedAlgorithm',
  message: string,
  metadata?: ErrorMetadata,
  cause?: unknown,
) => LedgerError = defineErrors({
  DecryptionFailed: {
    kind: 'refusal',
    status: 400,
    meaning: 'A ciphertext does not open under the key: it is damaged, or made with another key.',
  },
  InvalidSignature: {
    kind: 'refusal',
    status: 401,
    meaning: 'A signature does not verify under the key.',
  },
  InvalidCertificate: {
    kind: 'refusal',
    status: 400,
    meaning: 'The bytes are not an X.509 certificate that Coco can use.',
  },
  InvalidSigningRequest: {
    kind: 'refusal',
    status: 400,
    meaning: 'The text is not a certificate signing request that is signed by its own key.',
  },
  InvalidKey: { kind: 'refusal', status: 400, meaning: 'The text is not a key of a known kind.' },
  UnsupportedAlgorithm: {
    kind: 'refusal',
    status: 400,
    meaning: 'An algorithm, curve or hash is not one that Coco offers for this.',
  },
});
