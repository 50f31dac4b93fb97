/**
 * Offline verification of a receipt: who has the service's certificate, and for receipts of before
 * a recovery its endorsements, needs nothing and nobody else. Each check has its own code.
 */
import {
  equalBytes,
  formatTransactionId,
  LedgerError,
  parseTransactionId,
  type TransactionId,
  toHex,
  utf8Encode,
} from '@coco/base';
import { refuseReceipt } from './errors.ts';
import { type InclusionProof, parseReceipt, type Receipt } from './receipt.ts';
import { findEndorsedIdentity } from './service-endorsement.ts';
import { VerificationKey } from './verification-key.ts';
import { sha256 } from './web-digest.ts';

export interface ReceiptToVerify {
  readonly receipt: Uint8Array;
  /** The identity that the caller trusts: PEM (certificate or key) or DER SubjectPublicKeyInfo. */
  readonly serviceIdentity: string | Uint8Array | VerificationKey;
  /** Where given, the receipt must be for these claims (32 bytes; noClaims for none). */
  readonly claimsDigest?: Uint8Array;
  /** Newest first; needed where the receipt was made under an earlier identity. */
  readonly endorsements?: readonly Uint8Array[];
}

export interface VerifiedReceipt {
  readonly transactionId: TransactionId;
  /** The signature entry that covers the transaction. */
  readonly signatureId: TransactionId;
  /** The Merkle root that the service signed: the ledger before signatureId. */
  readonly root: Uint8Array;
  /** The transaction's leaf; two of one id prove a fork. */
  readonly leaf: Uint8Array;
  readonly claimsDigest: Uint8Array;
  readonly writeSetDigest: Uint8Array;
  /** Lower-case hex of SHA-256 of the service key that signed. */
  readonly serviceId: string;
  /** Whether that key is the trusted identity itself and not one that it endorses. */
  readonly isCurrentIdentity: boolean;
  readonly issuer: string;
  readonly subject: string;
  readonly issuedAtSeconds: number;
}

/**
 * Verifies a receipt against a trusted service identity.
 * @throws ReceiptMalformed, ReceiptNotCanonical, ReceiptKeyMismatch, ReceiptPositionInvalid,
 *   ReceiptSignatureInvalid, ReceiptClaimsMismatch, ServiceIdentityInvalid; with endorsements also
 *   EndorsementMalformed, EndorsementSignatureInvalid, EndorsementChainBroken,
 *   EndorsementEpochMismatch
 */
export async function verifyReceipt(options: ReceiptToVerify): Promise<VerifiedReceipt> {
  const receipt = parseReceipt(options.receipt);
  const trusted = await VerificationKey.from(options.serviceIdentity);
  const signer = await signerOf(receipt, trusted, options.endorsements);
  if (receipt.algorithm !== signer.algorithm) {
    throw refuseReceipt('ReceiptKeyMismatch', 'The algorithm does not fit the service key.');
  }
  const proof = onlyProof(receipt);
  const transactionId = transactionIdOf(proof);
  assertPosition(proof, transactionId, receipt.signatureId);
  const leaf = await leafOf(proof);
  const root = await rootOf(leaf, proof);
  if (!(await signer.hasSigned(receipt.message, root))) {
    throw refuseReceipt('ReceiptSignatureInvalid', 'The service did not sign this root.', {
      transactionId: formatTransactionId(transactionId),
    });
  }
  if (options.claimsDigest && !equalBytes(options.claimsDigest, proof.claimsDigest)) {
    throw refuseReceipt('ReceiptClaimsMismatch', 'The receipt is for other claims.', {
      expected: toHex(options.claimsDigest),
      actual: toHex(proof.claimsDigest),
    });
  }
  return {
    transactionId,
    signatureId: receipt.signatureId,
    root,
    leaf,
    claimsDigest: proof.claimsDigest,
    writeSetDigest: proof.writeSetDigest,
    serviceId: signer.id,
    isCurrentIdentity: signer === trusted,
    issuer: receipt.issuer,
    subject: receipt.subject,
    issuedAtSeconds: receipt.issuedAtSeconds,
  };
}

async function signerOf(
  receipt: Receipt,
  trusted: VerificationKey,
  endorsements: readonly Uint8Array[] | undefined,
): Promise<VerificationKey> {
  if (receipt.keyId === trusted.id) return trusted;
  if (!endorsements) {
    throw refuseReceipt('ReceiptKeyMismatch', 'The receipt is by another service identity.', {
      expected: trusted.id,
      actual: receipt.keyId.slice(0, trusted.id.length),
    });
  }
  const { keyId, signatureId } = receipt;
  const found = await findEndorsedIdentity({ serviceIdentity: trusted, endorsements, keyId });
  const { epochBegin, epochEnd } = found;
  const isWithin =
    signatureId.seqno >= epochBegin.seqno &&
    signatureId.seqno <= epochEnd.seqno &&
    signatureId.view >= epochBegin.view &&
    signatureId.view <= epochEnd.view;
  if (!isWithin) {
    throw refuseReceipt(
      'EndorsementEpochMismatch',
      'The receipt was signed outside the epoch of its service identity.',
      {
        signatureId: formatTransactionId(signatureId),
        epochBegin: formatTransactionId(epochBegin),
        epochEnd: formatTransactionId(epochEnd),
      },
    );
  }
  return found.key;
}

function onlyProof(receipt: Receipt): InclusionProof {
  const [proof] = receipt.proofs;
  if (!proof || receipt.proofs.length !== 1) {
    throw refuseReceipt('ReceiptMalformed', 'A receipt to verify has exactly one proof.', {
      count: receipt.proofs.length,
    });
  }
  return proof;
}

/** `ce:view.seqno:nonce`; the nonce is 32 bytes in lower-case hex. */
const commitEvidencePattern = /^ce:([\d.]{1,32}):[0-9a-f]{64}$/;

function transactionIdOf(proof: InclusionProof): TransactionId {
  const match = commitEvidencePattern.exec(proof.commitEvidence);
  try {
    return parseTransactionId(match?.[1] ?? '');
  } catch (cause) {
    if (!(cause instanceof LedgerError)) throw cause;
    throw refuseReceipt('ReceiptMalformed', 'The commit evidence names no transaction.', {}, cause);
  }
}

/**
 * The leaf of transaction i is the i-th, and the signature entry n covers leaves 0 to n - 1: so id
 * and signature determine the path's length and sides. Without this check an inner node could
 * stand for a leaf, if ever a digest of one could be chosen.
 */
function assertPosition(
  proof: InclusionProof,
  id: TransactionId,
  signatureId: TransactionId,
): void {
  const sides: boolean[] = [];
  let index: number = id.seqno;
  for (let width: number = signatureId.seqno; width > 1; width = Math.ceil(width / 2)) {
    const isRight = index % 2 === 1;
    // An odd last node has no sibling on its level and is promoted unchanged.
    if (isRight || index + 1 < width) sides.push(isRight);
    index = Math.floor(index / 2);
  }
  const isCovered = id.seqno > 0 && id.seqno < signatureId.seqno;
  const isPath =
    sides.length === proof.path.length &&
    sides.every((side, at) => proof.path[at]?.isLeft === side);
  if (!isCovered || id.view > signatureId.view || !isPath) {
    throw refuseReceipt('ReceiptPositionInvalid', 'The proof is not of the named transaction.', {
      transactionId: formatTransactionId(id),
      signatureId: formatTransactionId(signatureId),
    });
  }
}

async function leafOf(proof: InclusionProof): Promise<Uint8Array> {
  const evidenceDigest = await sha256(utf8Encode(proof.commitEvidence));
  return sha256(proof.writeSetDigest, evidenceDigest, proof.claimsDigest);
}

async function rootOf(leaf: Uint8Array, proof: InclusionProof): Promise<Uint8Array> {
  let hash = leaf;
  for (const step of proof.path) {
    hash = await (step.isLeft ? sha256(step.hash, hash) : sha256(hash, step.hash));
  }
  return hash;
}
