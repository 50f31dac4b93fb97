/**
 * Public keys from JSON web keys (RFC 7517, RFC 7518 section 6), as issuers of tokens publish them:
 * RSA by n and e, elliptic curves by crv, x and y, either by the first certificate of x5c.
 * Parsed by node:crypto; what would make a verification weak or slow is refused here.
 */
import { createPublicKey, type JsonWebKey, type KeyObject } from 'node:crypto';
import { fromBase64, LedgerError } from '@coco/base';
import { parseCertificate } from './certificate.ts';
import { refuseCrypto } from './errors.ts';
import { parsePublicKey } from './signing-key.ts';

/** RFC 7518 section 3.3: at least 2048; a verification of 8192 bits takes 0.3 ms. */
const modulusBits = { min: 2048, max: 8192 };
/** Every issuer uses 65537; a large exponent makes each verification slow. */
const exponentMax = 2n ** 32n;
/** The parts of a key of 8192 bits have some 1400 characters. */
const partLengthMax = 8192;

/** The fields that make a key; others are the caller's. */
export interface PublishedKey {
  readonly n?: string | undefined;
  readonly e?: string | undefined;
  readonly crv?: string | undefined;
  readonly x?: string | undefined;
  readonly y?: string | undefined;
  /** Base64 of DER; the first is the key's. */
  readonly x5c?: readonly string[] | undefined;
}

/**
 * DER SubjectPublicKeyInfo; undefined when the fields are of no key that Coco knows.
 * @throws InvalidKey, InvalidCertificate when they do not parse, or are too weak or too slow
 */
export function parsePublishedKey(key: PublishedKey): Uint8Array | undefined {
  const parts = [key.n, key.e, key.crv, key.x, key.y, key.x5c?.[0]];
  if (parts.some((part) => (part?.length ?? 0) > partLengthMax)) {
    throw refuseCrypto('InvalidKey', 'A part of the JSON web key is too large.');
  }
  const { n, e, crv, x, y } = key;
  if (n && e) return spkiOf(read({ kty: 'RSA', n, e }));
  if (x && y && crv) return spkiOf(read({ kty: 'EC', crv, x, y }));
  const certificate = key.x5c?.[0];
  return certificate ? spkiOf(certifiedKey(certificate)) : undefined;
}

function read(key: JsonWebKey): KeyObject {
  try {
    return createPublicKey({ key, format: 'jwk' });
  } catch (cause) {
    throw refuseCrypto('InvalidKey', 'The JSON web key is not a public key.', {}, cause);
  }
}

function certifiedKey(base64: string): KeyObject {
  try {
    return parsePublicKey(parseCertificate(fromBase64(base64)).spki);
  } catch (cause) {
    if (!(cause instanceof LedgerError)) throw cause;
    const message = 'The JSON web key has an invalid X.509 certificate.';
    throw refuseCrypto('InvalidCertificate', message, {}, cause);
  }
}

function spkiOf(key: KeyObject): Uint8Array {
  const { modulusLength, publicExponent = 0n, namedCurve } = key.asymmetricKeyDetails ?? {};
  const isRsa = key.asymmetricKeyType === 'rsa';
  if (!isRsa && namedCurve === undefined) {
    throw refuseCrypto('InvalidKey', 'The JSON web key is neither RSA nor on a named curve.');
  }
  const bits = modulusLength ?? 0;
  const isFit = bits >= modulusBits.min && bits <= modulusBits.max && publicExponent <= exponentMax;
  if (isRsa && !isFit) {
    const range = `${modulusBits.min} to ${modulusBits.max} bits and a small exponent`;
    throw refuseCrypto('InvalidKey', `An RSA key for tokens has ${range}.`, { bits });
  }
  return key.export({ type: 'spki', format: 'der' });
}
