/**
 * Verification of evidence: the checks of CCF in its order (host data, measurement, key), after
 * the check that the evidence is genuine. Runs in Node and in browsers.
 */
import {
  coseHeader,
  decodeSignOne,
  equalBytes,
  LedgerError,
  type SignOne,
  toHex,
  utf8Decode,
} from '@coco/base';
import { VerificationKey, webSha256 } from '@coco/receipt';
import { refuseEvidence } from './errors.ts';
import type { Evidence } from './evidence.ts';
import type { EvidencePolicy, VirtualPolicy } from './policy.ts';
import { contentTypeLabel, virtualContentType } from './virtual-platform.ts';
import { parseVirtualQuote, type VirtualQuote, virtualFormat } from './virtual-quote.ts';

/** Metadata `check` of InvalidQuote. */
export type EvidenceCheck =
  | 'platform'
  | 'endorsements'
  | 'host-data'
  | 'measurement'
  | 'report-data';

export interface VerifiedEvidence {
  readonly format: string;
  readonly measurement: string;
  readonly hostData: string;
  /** Lower-case hex of SHA-256 of the node's key: the node's id. */
  readonly nodeId: string;
  /** Whether the platform keeps secrets from its operator: never on the virtual platform. */
  readonly isConfidential: boolean;
  /** Lower-case hex of SHA-256 of the key that vouches for the evidence. */
  readonly rootId: string;
}

/** What evidence must bind to vouch for a node: SHA-256 of the node's key (DER). */
export function reportDataOf(nodeSpki: Uint8Array): Promise<Uint8Array> {
  return webSha256(nodeSpki);
}

/**
 * Verifies that evidence is genuine, accepted by the policy, and of the node with `nodeSpki`.
 * It says nothing of who holds that key now: the caller ties the key to a TLS session.
 * @throws InvalidQuote (metadata `check` names the check), EvidenceMalformed,
 *   UnsupportedEvidenceFormat
 */
export async function verifyEvidence(options: {
  readonly evidence: Evidence;
  readonly policy: EvidencePolicy;
  /** DER SubjectPublicKeyInfo of the node. */
  readonly nodeSpki: Uint8Array;
}): Promise<VerifiedEvidence> {
  const { evidence, policy, nodeSpki } = options;
  if (evidence.format !== virtualFormat) {
    throw refuseEvidence('UnsupportedEvidenceFormat', 'The evidence is of an unknown platform.', {
      format: evidence.format,
    });
  }
  if (!policy.virtual) {
    throw refuse('platform', 'The policy does not accept virtual evidence.');
  }
  const quote = parseVirtualQuote(evidence.quote);
  const rootId = await verifyRootSignature(evidence, policy.virtual);
  assertAccepted(quote, policy.virtual);
  const nodeDigest = await reportDataOf(nodeSpki);
  if (!equalBytes(quote.reportData.subarray(0, nodeDigest.length), nodeDigest)) {
    throw refuse('report-data', "Quote report data does not contain node's public key hash");
  }
  return {
    format: evidence.format,
    measurement: quote.measurement,
    hostData: quote.hostData,
    nodeId: toHex(nodeDigest),
    isConfidential: false,
    rootId,
  };
}

function assertAccepted(quote: VirtualQuote, policy: VirtualPolicy): void {
  if (policy.hostData !== 'any' && !policy.hostData.includes(quote.hostData)) {
    throw refuse('host-data', 'Quote host data is not authorised');
  }
  if (policy.measurements !== 'any' && !policy.measurements.includes(quote.measurement)) {
    throw refuse('measurement', 'Quote does not contain known enclave measurement');
  }
}

/** A signature of the root has some 200 bytes. */
const endorsementBytesMax = 4096;

async function verifyRootSignature(evidence: Evidence, policy: VirtualPolicy): Promise<string> {
  const { message, keyId } = readEndorsement(evidence.endorsements);
  const roots = await Promise.all(policy.roots.map((root) => VerificationKey.from(root)));
  const root = roots.find(({ id }) => id === keyId);
  if (!root) throw refuse('endorsements', 'The quote is not signed by an accepted root.');
  const isForQuotes = message.protectedHeader.get(contentTypeLabel) === virtualContentType;
  if (!isForQuotes || !(await root.hasSigned(message, evidence.quote))) {
    throw refuse('endorsements', 'Quote could not be verified');
  }
  return root.id;
}

function readEndorsement(bytes: Uint8Array): {
  readonly message: SignOne;
  readonly keyId: string;
} {
  try {
    const message = decodeSignOne(bytes, endorsementBytesMax);
    const keyId = message.protectedHeader.get(coseHeader.keyId);
    const isBare = message.payload === null && message.unprotectedHeader.size === 0;
    if (isBare && keyId instanceof Uint8Array) return { message, keyId: utf8Decode(keyId) };
  } catch (cause) {
    if (!(cause instanceof LedgerError)) throw cause;
    throw refuseEvidence('EvidenceMalformed', 'The endorsements are not a COSE_Sign1.', {}, cause);
  }
  throw refuseEvidence('EvidenceMalformed', 'The endorsements are not a bare signature.');
}

function refuse(check: EvidenceCheck, message: string): LedgerError {
  return refuseEvidence('InvalidQuote', message, { check });
}
