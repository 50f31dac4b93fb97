/**
 * The service's keys of every simulation, one after another as recoveries need them: the same for
 * all, known to everybody, and deterministic in what they sign (RFC 6979), so that a run repeats to
 * the byte. Node's own signatures draw a nonce.
 */
import { createPrivateKey } from 'node:crypto';
import { present, utf8Encode } from '@coco/base';
import { SigningKey, sha256 } from '@coco/crypto';
import { p256 } from '@noble/curves/nist.js';

/** A service, and one for each recovery that a run may have, those that are cut short included. */
const keyCount = 8;

/** The keys as production takes them, the first service's first. */
export const serviceKeys: readonly SigningKey[] = Array.from({ length: keyCount }, (_, index) =>
  createKey(index),
);

/** The first service's. */
export const serviceKey: SigningKey = present(serviceKeys[0], 'there is a first service');

function createKey(index: number): SigningKey {
  const name = `coco simulator: the service key${index === 0 ? '' : ` ${index}`}`;
  const secret = new Uint8Array(sha256(utf8Encode(name)));
  const point = p256.getPublicKey(secret, false);
  const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64url');
  const [x, y] = [text(point.subarray(1, 33)), text(point.subarray(33, 65))];
  const jwk = { kty: 'EC', crv: 'P-256', d: text(secret), x, y };
  const pem = createPrivateKey({ key: jwk, format: 'jwk' }).export({
    type: 'pkcs8',
    format: 'pem',
  });
  const key = SigningKey.fromPem(pem.toString());
  // The signature (r || s) that every run makes of these bytes.
  key.sign = (input) => p256.sign(input, secret, { prehash: true, lowS: false, format: 'compact' });
  return key;
}
