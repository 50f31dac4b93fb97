/**
 * Signatures over data by keys in PEM, as apps ask for them: RSA-PSS (RFC 8017 section 8.1), ECDSA
 * with r || s (IEEE P1363), Ed25519 (RFC 8032) and HMAC (RFC 2104).
 */
import {
  constants,
  createHmac,
  createPrivateKey,
  createPublicKey,
  type KeyObject,
  type SignKeyObjectInput,
  sign,
  verify,
} from 'node:crypto';
import { refuseCrypto } from './errors.ts';

export interface SignatureAlgorithm {
  readonly name: string;
  /** Ed25519 has none. */
  readonly hash?: string | undefined;
  /** In bytes; of RSA-PSS. */
  readonly saltLength?: number | undefined;
}

const hashes: Readonly<Record<string, string>> = {
  'SHA-256': 'sha256',
  'SHA-384': 'sha384',
  'SHA-512': 'sha512',
};
const keyTypes: Readonly<Record<string, string>> = {
  'RSA-PSS': 'rsa',
  ECDSA: 'ec',
  EdDSA: 'ed25519',
};

/** @param key a private key in PEM; of HMAC the secret itself @throws InvalidKey, UnsupportedAlgorithm */
export function signData(algorithm: SignatureAlgorithm, key: string, data: Uint8Array): Uint8Array {
  if (algorithm.name === 'HMAC') {
    return createHmac(hashOf(algorithm), key).update(data).digest();
  }
  if (!Object.hasOwn(keyTypes, algorithm.name)) {
    throw unsupported('signing', [...Object.keys(keyTypes), 'HMAC']);
  }
  const privateKey = keyOfType(algorithm, () => createPrivateKey(key));
  if (algorithm.name === 'EdDSA') return sign(null, data, privateKey);
  const hash = hashOf(algorithm);
  try {
    return sign(hash, data, keyInput(algorithm, privateKey));
  } catch (cause) {
    throw refuseCrypto('InvalidKey', 'The key cannot sign with this algorithm.', {}, cause);
  }
}

/** @param key a public key or a certificate in PEM @throws InvalidKey, UnsupportedAlgorithm */
export function verifyData(
  algorithm: SignatureAlgorithm,
  key: string,
  signed: { readonly signature: Uint8Array; readonly data: Uint8Array },
): boolean {
  if (!Object.hasOwn(keyTypes, algorithm.name)) {
    throw unsupported('signing', Object.keys(keyTypes));
  }
  const publicKey = keyOfType(algorithm, () => createPublicKey(key));
  if (algorithm.name === 'EdDSA') return verify(null, signed.data, publicKey, signed.signature);
  return verify(hashOf(algorithm), signed.data, keyInput(algorithm, publicKey), signed.signature);
}

function keyInput(algorithm: SignatureAlgorithm, key: KeyObject): SignKeyObjectInput {
  if (algorithm.name === 'ECDSA') return { key, dsaEncoding: 'ieee-p1363' };
  const saltLength = algorithm.saltLength ?? 0;
  return { key, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength };
}

function keyOfType(algorithm: SignatureAlgorithm, parse: () => KeyObject): KeyObject {
  let key: KeyObject;
  try {
    key = parse();
  } catch (cause) {
    throw refuseCrypto('InvalidKey', 'The text is not a key in PEM.', {}, cause);
  }
  if (key.asymmetricKeyType === keyTypes[algorithm.name]) return key;
  throw refuseCrypto('InvalidKey', `The key is not one for ${algorithm.name}.`);
}

function hashOf({ hash }: SignatureAlgorithm): string {
  const name = hash !== undefined && Object.hasOwn(hashes, hash) ? hashes[hash] : undefined;
  if (name !== undefined) return name;
  const supported = Object.keys(hashes).join(', ');
  throw refuseCrypto('UnsupportedAlgorithm', `Unsupported hash algorithm, supported: ${supported}`);
}

function unsupported(what: string, names: readonly string[]) {
  const supported = names.join(', ');
  return refuseCrypto(
    'UnsupportedAlgorithm',
    `Unsupported ${what} algorithm, supported: ${supported}`,
  );
}
