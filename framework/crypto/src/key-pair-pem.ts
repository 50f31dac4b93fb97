/**
 * Key pairs as text, for those who keep keys themselves: apps and their scripts. Private keys are
 * PKCS#8 (RFC 5958), public keys SubjectPublicKeyInfo, both in PEM.
 */
import { generateKeyPairSync, type KeyPairKeyObjectResult } from 'node:crypto';
import { refuseCrypto } from './errors.ts';

export interface KeyPairPem {
  readonly privateKey: string;
  readonly publicKey: string;
}

/** Below is unsafe (NIST SP 800-131A); above, making one takes minutes. */
const modulusBits = { min: 2048, max: 8192 };
const exponentDefault = 65537;

const namedCurves: Readonly<Record<string, string>> = {
  secp256r1: 'prime256v1',
  secp384r1: 'secp384r1',
  secp521r1: 'secp521r1',
};

/** @throws InvalidKey when the size or the exponent is not one that Coco makes keys of */
export function generateRsaPem(bits: number, exponent: number = exponentDefault): KeyPairPem {
  const isSize = Number.isInteger(bits) && bits >= modulusBits.min && bits <= modulusBits.max;
  const isExponent = Number.isInteger(exponent) && exponent > 2 && exponent % 2 === 1;
  if (!isSize || !isExponent) {
    throw refuseCrypto(
      'InvalidKey',
      `RSA keys have ${modulusBits.min} to ${modulusBits.max} bits and an odd exponent above 2.`,
    );
  }
  const options = { modulusLength: bits, publicExponent: exponent };
  return inPem(generateKeyPairSync('rsa', options));
}

/** ECDSA by the curve's SEC 2 name. @throws UnsupportedAlgorithm */
export function generateEcdsaPem(curve: string): KeyPairPem {
  const namedCurve = Object.hasOwn(namedCurves, curve) ? namedCurves[curve] : undefined;
  if (namedCurve === undefined) {
    const names = Object.keys(namedCurves).join(', ');
    throw refuseCrypto('UnsupportedAlgorithm', `Unsupported curve id, supported: ${names}`);
  }
  return inPem(generateKeyPairSync('ec', { namedCurve }));
}

/** Ed25519 for signatures (RFC 8032) or X25519 for agreement. @throws UnsupportedAlgorithm */
export function generateEddsaPem(curve: string): KeyPairPem {
  if (curve === 'curve25519') return inPem(generateKeyPairSync('ed25519'));
  if (curve === 'x25519') return inPem(generateKeyPairSync('x25519'));
  const supported = 'curve25519, x25519';
  throw refuseCrypto('UnsupportedAlgorithm', `Unsupported curve id, supported: ${supported}`);
}

function inPem({ privateKey, publicKey }: KeyPairKeyObjectResult): KeyPairPem {
  return {
    privateKey: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
    publicKey: publicKey.export({ type: 'spki', format: 'pem' }).toString(),
  };
}
