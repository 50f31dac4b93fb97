/**
 * Signatures of JSON Web Tokens (RFC 7518 section 3): RSASSA-PKCS1-v1_5 with SHA-256 and ECDSA on
 * P-256 with SHA-256. A key serves only the algorithm of its kind, so a token cannot choose.
 */
import { type KeyObject, verify } from 'node:crypto';
import { utf8Encode } from '@coco/base';
import { parsePublicKey } from './signing-key.ts';

export type TokenAlgorithm = 'RS256' | 'ES256';

/** Whether the token is signed by the key. @throws InvalidKey when the key does not parse */
export function verifyTokenSignature(token: {
  /** DER SubjectPublicKeyInfo. */
  readonly spki: Uint8Array;
  readonly algorithm: TokenAlgorithm;
  /** header.payload as it came. */
  readonly signedText: string;
  readonly signature: Uint8Array;
}): boolean {
  const key = parsePublicKey(token.spki);
  if (!servesAlgorithm(key, token.algorithm)) return false;
  const dsaEncoding = 'ieee-p1363';
  return verify('sha256', utf8Encode(token.signedText), { key, dsaEncoding }, token.signature);
}

function servesAlgorithm(key: KeyObject, algorithm: TokenAlgorithm): boolean {
  return algorithm === 'RS256'
    ? key.asymmetricKeyType === 'rsa'
    : key.asymmetricKeyDetails?.namedCurve === 'prime256v1';
}
