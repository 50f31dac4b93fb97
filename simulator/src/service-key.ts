/**
 * The service's key of every simulation: the same for all, known to everybody, and deterministic in
 * what it signs (RFC 6979), so that a run repeats to the byte. Node's own signatures draw a nonce.
 */
import { createPrivateKey } from 'node:crypto';
import { utf8Encode } from '@coco/base';
import { SigningKey, sha256 } from '@coco/crypto';
import { p256 } from '@noble/curves/nist.js';

const secret = new Uint8Array(sha256(utf8Encode('coco simulator: the service key')));

/** The key as production takes one. */
export const serviceKey: SigningKey = createKey();

/** The signature (r || s) that every run makes of these bytes. */
export function signAsService(input: Uint8Array): Uint8Array {
  return p256.sign(input, secret, { prehash: true, lowS: false, format: 'compact' });
}

function createKey(): SigningKey {
  const point = p256.getPublicKey(secret, false);
  const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64url');
  const [x, y] = [text(point.subarray(1, 33)), text(point.subarray(33, 65))];
  const key = { kty: 'EC', crv: 'P-256', d: text(secret), x, y };
  const pem = createPrivateKey({ key, format: 'jwk' }).export({ type: 'pkcs8', format: 'pem' });
  return SigningKey.fromPem(pem.toString());
}
