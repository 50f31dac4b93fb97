/**
 * Keys encrypted under keys: RSA-OAEP with SHA-256 (RFC 8017 section 7.1), AES key wrap with
 * padding (RFC 5649), and both together, where a fresh AES key is wrapped by RSA and goes before
 * what it wraps (PKCS#11's CKM_RSA_AES_KEY_WRAP).
 */
import {
  constants,
  createCipheriv,
  createDecipheriv,
  createPrivateKey,
  createPublicKey,
  type KeyObject,
  privateDecrypt,
  publicEncrypt,
  randomBytes,
} from 'node:crypto';
import { concatBytes } from '@coco/base';
import { refuseCrypto } from './errors.ts';

export interface WrapAlgorithm {
  readonly name: string;
  /** OAEP's label. */
  readonly label?: Uint8Array | undefined;
  /** In bits; of RSA-OAEP-AES-KWP. */
  readonly aesKeySize?: number | undefined;
}

/** RFC 5649 section 3. */
const alternativeInitialValue = Buffer.from('a65959a6', 'hex');
const aesBits = [128, 192, 256];

/**
 * @param wrappingKey an AES key; for RSA a public key's PEM as bytes
 * @throws InvalidKey, UnsupportedAlgorithm
 */
export function wrapKey(
  key: Uint8Array,
  wrappingKey: Uint8Array,
  algorithm: WrapAlgorithm,
): Uint8Array {
  if (algorithm.name === 'RSA-OAEP') return orInvalid(() => wrapRsa(key, wrappingKey, algorithm));
  if (algorithm.name === 'AES-KWP') return orInvalid(() => wrapAes(key, wrappingKey));
  if (algorithm.name !== 'RSA-OAEP-AES-KWP') throw unsupported('wrapping');
  return orInvalid(() => {
    const aesKey = randomBytes(aesKeyBytes(algorithm.aesKeySize));
    return concatBytes(wrapRsa(aesKey, wrappingKey, algorithm), wrapAes(key, aesKey));
  });
}

/**
 * @param unwrappingKey an AES key; for RSA a private key's PEM as bytes
 * @throws DecryptionFailed, InvalidKey, UnsupportedAlgorithm
 */
export function unwrapKey(
  wrapped: Uint8Array,
  unwrappingKey: Uint8Array,
  algorithm: WrapAlgorithm,
): Uint8Array {
  if (algorithm.name === 'AES-KWP') return opened(() => unwrapAes(wrapped, unwrappingKey));
  const isBoth = algorithm.name === 'RSA-OAEP-AES-KWP';
  if (!isBoth && algorithm.name !== 'RSA-OAEP') throw unsupported('unwrapping');
  const privateKey = orInvalid(() => createPrivateKey(Buffer.from(unwrappingKey)));
  if (!isBoth) return opened(() => unwrapRsa(wrapped, privateKey, algorithm));
  const bytes = (privateKey.asymmetricKeyDetails?.modulusLength ?? 0) / 8;
  return opened(() => {
    const aesKey = unwrapRsa(wrapped.subarray(0, bytes), privateKey, algorithm);
    return unwrapAes(wrapped.subarray(bytes), aesKey);
  });
}

function oaep(key: KeyObject, label: Uint8Array | undefined) {
  const padding = constants.RSA_PKCS1_OAEP_PADDING;
  const options = { key, padding, oaepHash: 'sha256' };
  return label === undefined ? options : { ...options, oaepLabel: label };
}

function wrapRsa(key: Uint8Array, publicPem: Uint8Array, { label }: WrapAlgorithm): Uint8Array {
  return publicEncrypt(oaep(createPublicKey(Buffer.from(publicPem)), label), key);
}

function unwrapRsa(wrapped: Uint8Array, key: KeyObject, { label }: WrapAlgorithm): Uint8Array {
  return privateDecrypt(oaep(key, label), wrapped);
}

function wrapAes(key: Uint8Array, wrappingKey: Uint8Array): Uint8Array {
  const cipher = createCipheriv(wrapName(wrappingKey), wrappingKey, alternativeInitialValue);
  return concatBytes(cipher.update(key), cipher.final());
}

function unwrapAes(wrapped: Uint8Array, wrappingKey: Uint8Array): Uint8Array {
  const cipher = createDecipheriv(wrapName(wrappingKey), wrappingKey, alternativeInitialValue);
  return concatBytes(cipher.update(wrapped), cipher.final());
}

function wrapName(key: Uint8Array): string {
  aesKeyBytes(8 * key.length);
  return `id-aes${8 * key.length}-wrap-pad`;
}

function aesKeyBytes(bits: number | undefined): number {
  if (bits !== undefined && aesBits.includes(bits)) return bits / 8;
  throw refuseCrypto('InvalidKey', `An AES key has ${aesBits.join(', ')} bits.`);
}

function orInvalid<Result>(compute: () => Result): Result {
  try {
    return compute();
  } catch (cause) {
    throw refuseCrypto('InvalidKey', 'The key is not one for this way of wrapping.', {}, cause);
  }
}

function opened(compute: () => Uint8Array): Uint8Array {
  try {
    return compute();
  } catch (cause) {
    throw refuseCrypto('DecryptionFailed', 'The wrapped key does not open.', {}, cause);
  }
}

function unsupported(what: string) {
  const supported = 'RSA-OAEP, AES-KWP, RSA-OAEP-AES-KWP';
  return refuseCrypto(
    'UnsupportedAlgorithm',
    `unsupported key ${what} algorithm, supported: ${supported}`,
  );
}
