/** The door of @coco/attestation. */
export type { Evidence, Platform } from './evidence.ts';
export {
  encodeQuoteAnswer,
  encodeQuoteInfo,
  parseQuoteAnswer,
  parseQuoteInfo,
} from './evidence.ts';
export type { EvidencePolicy, VirtualPolicy } from './policy.ts';
export type { EvidenceCheck, VerifiedEvidence } from './verify-evidence.ts';
export { reportDataOf, verifyEvidence } from './verify-evidence.ts';
export type { DevelopmentRoot } from './virtual-platform.ts';
export { VirtualPlatform } from './virtual-platform.ts';
export type { VirtualQuote } from './virtual-quote.ts';
export { parseVirtualQuote, virtualFormat, virtualMeasurementHex } from './virtual-quote.ts';
