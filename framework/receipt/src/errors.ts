/** Codes of @coco/receipt: each names the check that a receipt or endorsement failed. */
import { defineErrors, type ErrorMetadata, type LedgerError } from '@coco/base';

export const refuseReceipt: (
  code:
    | 'ReceiptMalformed'
    | 'ReceiptNotCanonical'
    | 'ReceiptKeyMismatch'
    | 'ReceiptPositionInvalid'
    | 'ReceiptSignatureInvalid'
    | 'ReceiptClaimsMismatch'
    | 'EndorsementMalformed'
    | 'EndorsementSignatureInvalid'
    | 'EndorsementChainBroken'
    | 'EndorsementEpochMismatch'
    | 'ServiceIdentityInvalid',
  message: string,
  metadata?: ErrorMetadata,
  cause?: unknown,
) => LedgerError = defineErrors({
  ReceiptMalformed: {
    kind: 'refusal',
    status: 400,
    meaning: 'The bytes are not a receipt of the IETF CCF profile within the limits.',
  },
  ReceiptNotCanonical: {
    kind: 'refusal',
    status: 400,
    meaning: 'The receipt is encoded in another way than the one that every receipt has.',
  },
  ReceiptKeyMismatch: {
    kind: 'refusal',
    status: 400,
    meaning: 'The receipt names another service key or algorithm than the trusted one.',
  },
  ReceiptPositionInvalid: {
    kind: 'refusal',
    status: 400,
    meaning: 'The proof does not lead from the position of the transaction that it names.',
  },
  ReceiptSignatureInvalid: {
    kind: 'refusal',
    status: 400,
    meaning: 'The signature of the service does not cover the root that the proof leads to.',
  },
  ReceiptClaimsMismatch: {
    kind: 'refusal',
    status: 400,
    meaning: 'The receipt holds, but for other claims than the expected ones.',
  },
  EndorsementMalformed: {
    kind: 'refusal',
    status: 400,
    meaning: 'The bytes are not an endorsement of a service identity.',
  },
  EndorsementSignatureInvalid: {
    kind: 'refusal',
    status: 400,
    meaning: 'The endorsement of a previous service identity is not by the endorsing key.',
  },
  EndorsementChainBroken: {
    kind: 'refusal',
    status: 400,
    meaning: 'The endorsements do not lead from the trusted service identity to the needed one.',
  },
  EndorsementEpochMismatch: {
    kind: 'refusal',
    status: 400,
    meaning: 'The transaction lies outside the epoch for which its service key is endorsed.',
  },
  ServiceIdentityInvalid: {
    kind: 'refusal',
    status: 400,
    meaning: 'The trusted identity is not a certificate or public key on P-256, P-384 or P-521.',
  },
});
