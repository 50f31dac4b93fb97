/**
 * The member's side: signing governance requests and opening recovery shares. Used by the command
 * line where it acts for a member; nothing here runs in a node.
 */
import {
  type CborKey,
  type CborValue,
  coseHeader,
  equalBytes,
  fromBase64,
  refuse,
  utf8Encode,
} from '@coco/base';
import { type EncryptionKey, parseCertificate, type SigningKey, signCose } from '@coco/crypto';
import { type GovernanceMessageType, governanceLabel } from '@coco/endpoint';
import { decodeShare } from './recovery-share.ts';

/**
 * The body of a request that a member signs, for content-type application/cose.
 * @throws InvalidInput when the certificate is not the key's; InvalidCertificate
 */
export function signGovernanceRequest(request: {
  readonly key: SigningKey;
  readonly certificatePem: string;
  readonly type: GovernanceMessageType;
  readonly payload: Uint8Array;
  /** Unix seconds. */
  readonly createdAt: number;
  /** For ballots and withdrawals. */
  readonly proposalId?: string;
}): Uint8Array {
  const certificate = parseCertificate(request.certificatePem);
  if (!equalBytes(certificate.spki, request.key.spki)) {
    throw refuse('InvalidInput', 'The certificate does not hold the key that signs.');
  }
  const protectedHeader = new Map<CborKey, CborValue>([
    [coseHeader.algorithm, request.key.algorithm],
    [coseHeader.keyId, utf8Encode(certificate.id)],
    [governanceLabel.type, request.type],
    [governanceLabel.createdAt, request.createdAt],
  ]);
  if (request.proposalId !== undefined) {
    protectedHeader.set(governanceLabel.proposalId, request.proposalId);
  }
  return signCose({
    key: request.key,
    protectedHeader,
    payload: request.payload,
    isDetached: false,
  });
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
