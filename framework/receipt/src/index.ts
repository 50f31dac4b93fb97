/** The door of @coco/receipt. */
export { certificateSpki, isCertificateIssuedBy } from './certificate.ts';
export { claimsDigestOf, noClaims } from './claims-digest.ts';
export type { InclusionProof, ProofStep, Receipt } from './receipt.ts';
export { encodeReceipt, parseReceipt, receiptBytesMax } from './receipt.ts';
export type { EndorsedIdentity, ServiceEndorsement } from './service-endorsement.ts';
export {
  endorsementsMax,
  findEndorsedIdentity,
  parseEndorsement,
  verifyEndorsement,
} from './service-endorsement.ts';
export { VerificationKey } from './verification-key.ts';
export type { ReceiptToVerify, VerifiedReceipt } from './verify-receipt.ts';
export { verifyReceipt } from './verify-receipt.ts';
export { sha256 as webSha256 } from './web-digest.ts';
