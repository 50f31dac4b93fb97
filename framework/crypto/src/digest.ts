/** Digests and keyed digests (FIPS 180-4, RFC 2104, RFC 5869) over node:crypto. */
import { createHash, createHmac, type Hash, hash, hkdfSync } from 'node:crypto';
import { assert } from '@coco/base';
import { keyMaterial, type SecretKey } from './secret-key.ts';

/** SHA-256 of the parts one after another; 32 bytes. */
export function sha256(...parts: readonly Uint8Array[]): Uint8Array {
  const [only] = parts;
  // The one-shot call saves the stream object: three times faster on short inputs.
  if (parts.length === 1 && only) return hash('sha256', only, 'buffer');
  const digest = createHash('sha256');
  for (const part of parts) digest.update(part);
  return digest.digest();
}

/** SHA-256 of a text's UTF-8. */
export function sha256Text(text: string): Uint8Array {
  return hash('sha256', text, 'buffer');
}

/** SHA-256 of a content that comes in pieces. */
export class Sha256 {
  readonly #hash: Hash = createHash('sha256');

  update(piece: Uint8Array): void {
    this.#hash.update(piece);
  }

  /** Ends the content; 32 bytes. */
  digest(): Uint8Array {
    return this.#hash.digest();
  }
}

/** HMAC-SHA256; 32 bytes. */
export function hmacSha256(
  key: Uint8Array | SecretKey,
  ...parts: readonly Uint8Array[]
): Uint8Array {
  const mac = createHmac('sha256', keyMaterial(key));
  for (const part of parts) mac.update(part);
  return mac.digest();
}

const blockBytes = 64;
const digestBytes = 32;
/** Longer messages would need another buffer; what is tagged with such a key is a short text. */
const messageBytesMax = 192;

/**
 * A key that tags one short message after another. Both digests of an HMAC are one-shot calls over
 * prepared blocks: half the time of an HMAC object (RFC 2104).
 */
export class TagKey {
  /** The padded key, then the message of the call under way. */
  readonly #inner = new Uint8Array(blockBytes + messageBytesMax);
  readonly #outer = new Uint8Array(blockBytes + digestBytes);

  /** @param key at most 64 bytes; copied */
  constructor(key: Uint8Array) {
    assert(key.length <= blockBytes, 'a longer key would have to be hashed first');
    this.#inner.set(key);
    this.#outer.set(key);
    for (let at = 0; at < blockBytes; at++) {
      this.#inner[at] = (this.#inner[at] as number) ^ 0x36;
      this.#outer[at] = (this.#outer[at] as number) ^ 0x5c;
    }
  }

  /** HMAC-SHA256 of an ASCII text of at most 192 characters, as 64 lower-case hex digits. */
  tagOf(text: string): string {
    assert(text.length <= messageBytesMax, 'what is tagged is short');
    for (let at = 0; at < text.length; at++) {
      const code = text.charCodeAt(at);
      assert(code < 0x80, 'what is tagged is ASCII');
      this.#inner[blockBytes + at] = code;
    }
    const inner = this.#inner.subarray(0, blockBytes + text.length);
    this.#outer.set(hash('sha256', inner, 'buffer'), blockBytes);
    return hash('sha256', this.#outer, 'hex');
  }
}

/** HKDF with SHA-256; `length` bytes. */
export function hkdfSha256(options: {
  readonly ikm: Uint8Array;
  readonly salt: Uint8Array;
  readonly info: Uint8Array;
  readonly length: number;
}): Uint8Array {
  return new Uint8Array(
    hkdfSync('sha256', options.ikm, options.salt, options.info, options.length),
  );
}
