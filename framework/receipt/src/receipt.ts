/**
 * A receipt as bytes: a COSE_Sign1 of the service over a Merkle root (detached), with the proof
 * that a transaction is a leaf under that root in the unprotected header. IETF's CCF profile of
 * COSE receipts (draft-ietf-scitt-receipts-ccf-profile, draft-ietf-cose-merkle-tree-proofs);
 * byte table in docs/formats/receipt.md. Structure only: see verify-receipt.ts for trust.
 */
import {
  type CborKey,
  type CborValue,
  coseHeader,
  decodeCbor,
  decodeSignOne,
  encodeCbor,
  encodeSignOne,
  equalBytes,
  LedgerError,
  parseTransactionId,
  type SignOne,
  type TransactionId,
  utf8Decode,
} from '@coco/base';
import { refuseReceipt } from './errors.ts';

/** A receipt has 400 to 1,600 bytes: 64 steps of a path are 2,240. */
export const receiptBytesMax: number = 16 * 1024;
/** A tree of 2^53 leaves, the most that a seqno can name, is 53 levels high. */
const pathStepsMax = 53;
/** CCF puts one proof into a receipt; the profile allows more. */
const proofsMax = 16;
const digestBytes = 32;
/** Verifiable data structure 2: the ledger of CCF (IANA registry of COSE VDS algorithms). */
const vdsLedger = 2;
const inclusionProofs = -1;
const leafLabel = 1;
const pathLabel = 2;
const cwtLabel = { issuer: 1, subject: 2, issuedAt: 6 } as const;
const ledgerClaims = 'ccf.v1';

export interface ProofStep {
  /** Whether `hash` is the left sibling. */
  readonly isLeft: boolean;
  readonly hash: Uint8Array;
}

export interface InclusionProof {
  /** SHA-256 of the entry as it stands in the ledger. */
  readonly writeSetDigest: Uint8Array;
  /** `ce:view.seqno:nonce`: shown only once the transaction has committed. */
  readonly commitEvidence: string;
  /** 32 zero bytes where the transaction makes no claims. */
  readonly claimsDigest: Uint8Array;
  /** From the leaf upwards. */
  readonly path: readonly ProofStep[];
}

export interface Receipt {
  /** COSE algorithm number. */
  readonly algorithm: number;
  /** Lower-case hex of SHA-256 of the service's public key. */
  readonly keyId: string;
  /** The signature entry that covers the transaction. */
  readonly signatureId: TransactionId;
  readonly issuer: string;
  readonly subject: string;
  /** Unix seconds by the node's clock, which its host sets. */
  readonly issuedAtSeconds: number;
  readonly proofs: readonly InclusionProof[];
  readonly message: SignOne;
}

/** Encodes a receipt from the signature that the ledger holds and proofs of its tree. */
export function encodeReceipt(parts: {
  readonly protectedBytes: Uint8Array;
  readonly signature: Uint8Array;
  readonly proofs: readonly InclusionProof[];
}): Uint8Array {
  const { protectedBytes, signature, proofs } = parts;
  const encoded = new Map([[inclusionProofs, proofs.map(encodeProof)]]);
  const unprotectedHeader = new Map([[coseHeader.vdp, encoded]]);
  return encodeSignOne({ protectedBytes, unprotectedHeader, payload: null, signature });
}

function encodeProof(proof: InclusionProof): Uint8Array {
  const { writeSetDigest, commitEvidence, claimsDigest, path } = proof;
  return encodeCbor(
    new Map<CborKey, CborValue>([
      [leafLabel, [writeSetDigest, commitEvidence, claimsDigest]],
      [pathLabel, path.map(({ isLeft, hash }) => [isLeft, hash])],
    ]),
  );
}

/**
 * Parses a receipt. What the signature does not cover must stand in the one form that
 * encodeReceipt writes, so that no two byte strings are the same receipt.
 * @throws ReceiptMalformed, ReceiptNotCanonical
 */
export function parseReceipt(bytes: Uint8Array): Receipt {
  const receipt = readReceipt(bytes);
  const { protectedBytes, signature } = receipt.message;
  const canonical = encodeReceipt({ protectedBytes, signature, proofs: receipt.proofs });
  if (!equalBytes(canonical, bytes)) {
    throw refuseReceipt('ReceiptNotCanonical', 'The receipt is not in its one encoding.');
  }
  return receipt;
}

function readReceipt(bytes: Uint8Array): Receipt {
  try {
    const message = decodeSignOne(bytes, receiptBytesMax);
    demand(message.payload === null, 'The root of a receipt is not carried.');
    const header = message.protectedHeader;
    demand(header.get(coseHeader.vds) === vdsLedger, 'The receipt is not of a CCF ledger.');
    const claims = mapOf(header.get(coseHeader.cwtClaims));
    return {
      algorithm: integerOf(header.get(coseHeader.algorithm)),
      keyId: utf8Decode(bytesOf(header.get(coseHeader.keyId))),
      signatureId: parseTransactionId(textOf(mapOf(header.get(ledgerClaims)).get('txid'))),
      issuer: textOf(claims.get(cwtLabel.issuer)),
      subject: textOf(claims.get(cwtLabel.subject)),
      issuedAtSeconds: integerOf(claims.get(cwtLabel.issuedAt)),
      proofs: proofsOf(message.unprotectedHeader),
      message,
    };
  } catch (cause) {
    // Base's codes are those of any value; the caller needs to know that the receipt is at fault.
    if (!(cause instanceof LedgerError) || cause.code === 'ReceiptMalformed') throw cause;
    throw refuseReceipt('ReceiptMalformed', 'The bytes are not a receipt.', {}, cause);
  }
}

function proofsOf(unprotectedHeader: ReadonlyMap<CborKey, CborValue>): InclusionProof[] {
  const list = listOf(mapOf(unprotectedHeader.get(coseHeader.vdp)).get(inclusionProofs));
  demand(list.length >= 1 && list.length <= proofsMax, 'A receipt has 1 to 16 proofs.');
  return list.map((encoded) => {
    const proof = mapOf(decodeCbor(bytesOf(encoded), receiptBytesMax));
    const leaf = listOf(proof.get(leafLabel));
    demand(leaf.length === 3, 'A leaf has three parts.');
    const path = listOf(proof.get(pathLabel));
    demand(path.length <= pathStepsMax, 'The path is higher than any tree.');
    return {
      writeSetDigest: digestOf(leaf[0]),
      commitEvidence: textOf(leaf[1]),
      claimsDigest: digestOf(leaf[2]),
      path: path.map(stepOf),
    };
  });
}

function stepOf(value: CborValue): ProofStep {
  const parts = listOf(value);
  const [isLeft, hash] = parts;
  demand(parts.length === 2 && typeof isLeft === 'boolean', 'A step is a side and a hash.');
  return { isLeft: isLeft === true, hash: digestOf(hash) };
}

function demand(condition: boolean, sentence: string): void {
  if (!condition) throw refuseReceipt('ReceiptMalformed', sentence);
}

function mapOf(value: CborValue | undefined): ReadonlyMap<CborKey, CborValue> {
  if (value instanceof Map) return value as ReadonlyMap<CborKey, CborValue>;
  throw refuseReceipt('ReceiptMalformed', 'A part of the receipt is not a map.');
}

function listOf(value: CborValue | undefined): readonly CborValue[] {
  if (Array.isArray(value)) return value as readonly CborValue[];
  throw refuseReceipt('ReceiptMalformed', 'A part of the receipt is not a list.');
}

function bytesOf(value: CborValue | undefined): Uint8Array {
  if (value instanceof Uint8Array) return value;
  throw refuseReceipt('ReceiptMalformed', 'A part of the receipt is not a byte string.');
}

function textOf(value: CborValue | undefined): string {
  if (typeof value === 'string') return value;
  throw refuseReceipt('ReceiptMalformed', 'A part of the receipt is not a text.');
}

function integerOf(value: CborValue | undefined): number {
  if (typeof value === 'number' && Number.isSafeInteger(value)) return value;
  throw refuseReceipt('ReceiptMalformed', 'A part of the receipt is not an integer.');
}

function digestOf(value: CborValue | undefined): Uint8Array {
  const digest = bytesOf(value);
  demand(digest.length === digestBytes, 'A digest has 32 bytes.');
  return digest;
}
