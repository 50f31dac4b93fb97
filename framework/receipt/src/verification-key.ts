/**
 * Public ECDSA keys by WebCrypto alone (globalThis.crypto.subtle), so that receipts and evidence
 * verify in Node and in browsers with the same code. Each curve goes with the hash that COSE pairs
 * it with (RFC 9053 section 2.1). Signatures are r || s.
 */
import {
  coseAlgorithm,
  coseHeader,
  equalBytes,
  fromBase64,
  fromHex,
  type SignOne,
  signatureInput,
  toHex,
} from '@coco/base';
import { certificateSpki } from './certificate.ts';
import { refuseReceipt } from './errors.ts';
import { sha256 } from './web-digest.ts';

interface Curve {
  readonly namedCurve: 'P-256' | 'P-384' | 'P-521';
  readonly hash: 'SHA-256' | 'SHA-384' | 'SHA-512';
  readonly algorithm: number;
  /** DER of a SubjectPublicKeyInfo up to the uncompressed point (RFC 5480 section 2). */
  readonly prefix: Uint8Array;
  readonly spkiBytes: number;
}

const curves: readonly Curve[] = [
  {
    namedCurve: 'P-256',
    hash: 'SHA-256',
    algorithm: coseAlgorithm.es256,
    prefix: fromHex('3059301306072a8648ce3d020106082a8648ce3d03010703420004'),
    spkiBytes: 91,
  },
  {
    namedCurve: 'P-384',
    hash: 'SHA-384',
    algorithm: coseAlgorithm.es384,
    prefix: fromHex('3076301006072a8648ce3d020106052b8104002203620004'),
    spkiBytes: 120,
  },
  {
    namedCurve: 'P-521',
    hash: 'SHA-512',
    algorithm: coseAlgorithm.es512,
    prefix: fromHex('30819b301006072a8648ce3d020106052b810400230381860004'),
    spkiBytes: 158,
  },
];

type ImportedKey = Awaited<ReturnType<typeof globalThis.crypto.subtle.importKey>>;

export class VerificationKey {
  /** DER SubjectPublicKeyInfo; has one form only, so two keys are equal if these bytes are. */
  readonly spki: Uint8Array;
  /** Lower-case hex of SHA-256(spki): a node's id, and the key id of a service's signatures. */
  readonly id: string;
  /** The COSE algorithm that fits the curve. */
  readonly algorithm: number;
  readonly #hash: string;
  readonly #key: ImportedKey;

  private constructor(parts: { spki: Uint8Array; id: string; curve: Curve; key: ImportedKey }) {
    this.spki = parts.spki;
    this.id = parts.id;
    this.algorithm = parts.curve.algorithm;
    this.#hash = parts.curve.hash;
    this.#key = parts.key;
  }

  /** From DER. @throws ServiceIdentityInvalid */
  static async fromSpki(spki: Uint8Array): Promise<VerificationKey> {
    const curve = curves.find(
      ({ prefix, spkiBytes }) =>
        spki.length === spkiBytes && equalBytes(spki.subarray(0, prefix.length), prefix),
    );
    if (!curve) {
      throw refuseReceipt('ServiceIdentityInvalid', 'The key is not on P-256, P-384 or P-521.');
    }
    const algorithm = { name: 'ECDSA', namedCurve: curve.namedCurve };
    try {
      const key = await globalThis.crypto.subtle.importKey(
        'spki',
        ownBytes(spki),
        algorithm,
        true,
        ['verify'],
      );
      return new VerificationKey({ spki, id: toHex(await sha256(spki)), curve, key });
    } catch (cause) {
      throw refuseReceipt('ServiceIdentityInvalid', 'The key is not a point.', {}, cause);
    }
  }

  /**
   * From DER SubjectPublicKeyInfo, or PEM of a certificate or public key.
   * @throws ServiceIdentityInvalid
   */
  static async from(source: string | Uint8Array | VerificationKey): Promise<VerificationKey> {
    if (source instanceof VerificationKey) return source;
    if (typeof source !== 'string') return VerificationKey.fromSpki(source);
    const isPublicKey = source.includes(publicKeyLabel);
    return VerificationKey.fromSpki(isPublicKey ? publicKeyDer(source) : certificateSpki(source));
  }

  async verify(input: Uint8Array, signature: Uint8Array): Promise<boolean> {
    const algorithm = { name: 'ECDSA', hash: this.#hash };
    const { subtle } = globalThis.crypto;
    return subtle.verify(algorithm, this.#key, ownBytes(signature), ownBytes(input));
  }

  /**
   * Whether this key signed the COSE_Sign1 over `payload`: its algorithm is the curve's, it has no
   * critical header (none is understood, RFC 9052 section 3.1), and the signature verifies.
   */
  async hasSigned(message: SignOne, payload: Uint8Array): Promise<boolean> {
    const header = message.protectedHeader;
    if (header.get(coseHeader.algorithm) !== this.algorithm || header.has(coseCritical)) {
      return false;
    }
    return this.verify(signatureInput(message.protectedBytes, payload), message.signature);
  }
}

const coseCritical = 2;
const publicKeyLabel = '-----BEGIN PUBLIC KEY-----';
/** A key on P-521 in PEM has some 270 characters. */
const publicKeyTextMax = 1024;

function publicKeyDer(pem: string): Uint8Array {
  const match =
    pem.length <= publicKeyTextMax
      ? /^-----BEGIN PUBLIC KEY-----([A-Za-z0-9+/=\s]+)-----END PUBLIC KEY-----\s*$/.exec(pem)
      : undefined;
  if (!match?.[1]) {
    throw refuseReceipt('ServiceIdentityInvalid', 'The text is not a public key in PEM.');
  }
  try {
    return fromBase64(match[1].replace(/\s/g, ''));
  } catch (cause) {
    throw refuseReceipt('ServiceIdentityInvalid', 'The PEM is not base64.', {}, cause);
  }
}

/** WebCrypto's types refuse bytes that may be shared between threads; a copy never is. */
function ownBytes(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(bytes);
}
