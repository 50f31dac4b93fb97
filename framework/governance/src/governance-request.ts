/**
 * The member's side: signing governance requests and opening recovery shares. Used by the command
 * line where it acts for a member; nothing here runs in a node.
 */
import {
  type CborKey,
  type CborValue,
  coseHeader,
  encodeCbor,
  encodeSignOne,
  equalBytes,
  fromBase64,
  refuse,
  signatureInput,
  utf8Encode,
} from '@coco/base';
import { algorithmOf, type EncryptionKey, parseCertificate, type SigningKey } from '@coco/crypto';
import { type GovernanceMessageType, governanceLabel } from '@coco/endpoint';
import { decodeShare } from './recovery-share.ts';

/** What a request says, whoever signs it and wherever. */
export interface GovernanceMessage {
  readonly certificatePem: string;
  readonly type: GovernanceMessageType;
  readonly payload: Uint8Array;
  /** Unix seconds. */
  readonly createdAt: number;
  /** For ballots and withdrawals. */
  readonly proposalId?: string;
}

/** A request before it is signed, so that the key may be elsewhere. */
export interface PreparedRequest {
  readonly protectedBytes: Uint8Array;
  readonly payload: Uint8Array;
  /** What the key signs: ECDSA with the hash of the key's curve (RFC 9053 section 2.1). */
  readonly toBeSigned: Uint8Array;
}

/** @throws InvalidCertificate, InvalidKey */
export function prepareGovernanceRequest(message: GovernanceMessage): PreparedRequest {
  const certificate = parseCertificate(message.certificatePem);
  const protectedHeader = new Map<CborKey, CborValue>([
    [coseHeader.algorithm, algorithmOf(certificate.spki)],
    [coseHeader.keyId, utf8Encode(certificate.id)],
    [governanceLabel.type, message.type],
    [governanceLabel.createdAt, message.createdAt],
  ]);
  if (message.proposalId !== undefined) {
    protectedHeader.set(governanceLabel.proposalId, message.proposalId);
  }
  const protectedBytes = encodeCbor(protectedHeader);
  const { payload } = message;
  return { protectedBytes, payload, toBeSigned: signatureInput(protectedBytes, payload) };
}

/** The body of a request, for content-type application/cose; `signature` is r || s. */
export function finishGovernanceRequest(
  prepared: PreparedRequest,
  signature: Uint8Array,
): Uint8Array {
  const { protectedBytes, payload } = prepared;
  return encodeSignOne({ protectedBytes, payload, signature });
}

/**
 * Prepares, signs and finishes a request with a key at hand.
 * @throws InvalidInput when the certificate is not the key's; InvalidCertificate
 */
export function signGovernanceRequest(
  request: GovernanceMessage & { readonly key: SigningKey },
): Uint8Array {
  const certificate = parseCertificate(request.certificatePem);
  if (!equalBytes(certificate.spki, request.key.spki)) {
    throw refuse('InvalidInput', 'The certificate does not hold the key that signs.');
  }
  const prepared = prepareGovernanceRequest(request);
  return finishGovernanceRequest(prepared, request.key.sign(prepared.toBeSigned));
}

/**
 * Opens the `encryptedShare` that /gov/recovery/encrypted-shares answers with; the result goes, in
 * base64, into `{"share": …}` of a recovery_share request.
 * @throws InvalidInput, DecryptionFailed, RecoveryShareInvalid
 */
export function decryptShare(encryptedShare: string, key: EncryptionKey): Uint8Array {
  const share = key.decrypt(fromBase64(encryptedShare));
  decodeShare(share);
  return share;
}
