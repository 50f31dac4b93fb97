/**
 * AES-256-GCM (NIST SP 800-38D). The caller owes each (key, iv) at most one content: see the
 * ledger's nonce rule.
 */
import { type CipherGCM, createCipheriv, createDecipheriv } from 'node:crypto';
import { refuseCrypto } from './errors.ts';
import { keyMaterial, type SecretKey } from './secret-key.ts';

const algorithm = 'aes-256-gcm';
/** Bytes of a GCM tag; shorter tags are never accepted. */
export const aeadTagBytes = 16;

export function sealAead(options: {
  readonly key: Uint8Array | SecretKey;
  readonly iv: Uint8Array;
  readonly aad: Uint8Array;
  readonly plaintext: Uint8Array;
}): { readonly ciphertext: Uint8Array; readonly tag: Uint8Array } {
  const cipher = createCipheriv(algorithm, keyMaterial(options.key), options.iv);
  cipher.setAAD(options.aad);
  const ciphertext = cipher.update(options.plaintext);
  cipher.final();
  return { ciphertext, tag: cipher.getAuthTag() };
}

/**
 * One content in pieces: first all of what is only authenticated, then all of the plaintext, then
 * the tag. The same as `sealAead` of the pieces joined.
 */
export class AeadSealer {
  readonly #cipher: CipherGCM;

  constructor(options: { readonly key: Uint8Array | SecretKey; readonly iv: Uint8Array }) {
    this.#cipher = createCipheriv(algorithm, keyMaterial(options.key), options.iv);
  }

  /** A piece of the additional data. */
  authenticate(aad: Uint8Array): void {
    this.#cipher.setAAD(aad);
  }

  /** The ciphertext of a piece, of the same length. */
  seal(plaintext: Uint8Array): Uint8Array {
    return this.#cipher.update(plaintext);
  }

  /** Ends the content. */
  tag(): Uint8Array {
    this.#cipher.final();
    return this.#cipher.getAuthTag();
  }
}

/** @throws DecryptionFailed when the tag does not fit. */
export function openAead(options: {
  readonly key: Uint8Array | SecretKey;
  readonly iv: Uint8Array;
  readonly aad: Uint8Array;
  readonly ciphertext: Uint8Array;
  readonly tag: Uint8Array;
}): Uint8Array {
  try {
    const decipher = createDecipheriv(algorithm, keyMaterial(options.key), options.iv, {
      authTagLength: aeadTagBytes,
    });
    decipher.setAAD(options.aad);
    decipher.setAuthTag(options.tag);
    const plaintext = decipher.update(options.ciphertext);
    // Nothing is left to give out: GCM is a stream. It is here that the tag is checked.
    decipher.final();
    return new Uint8Array(plaintext.buffer, plaintext.byteOffset, plaintext.length);
  } catch (cause) {
    throw refuseCrypto('DecryptionFailed', 'The ciphertext does not open.', {}, cause);
  }
}
