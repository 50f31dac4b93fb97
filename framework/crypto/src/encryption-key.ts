/** RSA-OAEP with SHA-256 and MGF1-SHA-256 (RFC 8017 section 7.1), for members and nodes. */
import {
  constants,
  createPrivateKey,
  createPublicKey,
  generateKeyPair,
  generateKeyPairSync,
  type KeyObject,
  privateDecrypt,
  publicEncrypt,
} from 'node:crypto';
import { promisify } from 'node:util';
import { refuseCrypto } from './errors.ts';

/** Moduli below are refused (NIST SP 800-131A). */
const modulusBitsMin = 2048;
const padding = { padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash: 'sha256' } as const;

const generateInPool = promisify(generateKeyPair);

export class EncryptionKey {
  readonly #privateKey: KeyObject;
  readonly publicPem: string;

  private constructor(privateKey: KeyObject) {
    assertRsa(privateKey);
    this.#privateKey = privateKey;
    this.publicPem = createPublicKey(privateKey).export({ type: 'spki', format: 'pem' }).toString();
  }

  static generate(modulusBits: number = modulusBitsMin): EncryptionKey {
    return new EncryptionKey(generateKeyPairSync('rsa', { modulusLength: modulusBits }).privateKey);
  }

  /** Searches the primes on libuv's pool, so that several keys are made at once. */
  static async generateInPool(modulusBits: number = modulusBitsMin): Promise<EncryptionKey> {
    const { privateKey } = await generateInPool('rsa', { modulusLength: modulusBits });
    return new EncryptionKey(privateKey);
  }

  /** @throws InvalidKey */
  static fromPem(pem: string): EncryptionKey {
    try {
      return new EncryptionKey(createPrivateKey(pem));
    } catch (cause) {
      throw refuseCrypto('InvalidKey', 'The text is not an RSA private key.', {}, cause);
    }
  }

  privatePem(): string {
    return this.#privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
  }

  /** @throws DecryptionFailed */
  decrypt(ciphertext: Uint8Array): Uint8Array {
    try {
      return privateDecrypt({ key: this.#privateKey, ...padding }, ciphertext);
    } catch (cause) {
      throw refuseCrypto('DecryptionFailed', 'The ciphertext does not open.', {}, cause);
    }
  }
}

function assertRsa(key: KeyObject): void {
  const bits = key.asymmetricKeyDetails?.modulusLength ?? 0;
  if (key.asymmetricKeyType !== 'rsa' || bits < modulusBitsMin) {
    throw refuseCrypto('InvalidKey', `The key is not RSA of ${modulusBitsMin} bits or more.`);
  }
}

/** Encrypts a short secret to a public key in PEM. @throws InvalidKey */
export function encryptTo(publicPem: string, plaintext: Uint8Array): Uint8Array {
  let key: KeyObject;
  try {
    key = createPublicKey(publicPem);
  } catch (cause) {
    throw refuseCrypto('InvalidKey', 'The text is not a public key in PEM.', {}, cause);
  }
  assertRsa(key);
  return publicEncrypt({ key, ...padding }, plaintext);
}
