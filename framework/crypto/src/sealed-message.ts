/**
 * A message of any length for one reader: AES-256-GCM under a key made for it, which is encrypted
 * to the reader's RSA key (RSA-OAEP, SHA-256). It proves nothing of who wrote it: the caller has
 * that from the connection that it came over.
 */
import { randomBytes } from 'node:crypto';
import { concatBytes } from '@coco/base';
import { aeadTagBytes, openAead, sealAead } from './aead.ts';
import { type EncryptionKey, encryptTo } from './encryption-key.ts';
import { refuseCrypto } from './errors.ts';

export interface SealedMessage {
  /** The message's key, encrypted to the reader. */
  readonly encryptedKey: Uint8Array;
  /** The ciphertext with its tag behind it. */
  readonly ciphertext: Uint8Array;
}

const keyBytes = 32;
/** Each key seals one message, so its nonce need not differ. */
const nonce = new Uint8Array(12);

/** `context` is what the message is about: it opens only with the same. @throws InvalidKey */
export function sealTo(
  publicPem: string,
  message: { readonly plaintext: Uint8Array; readonly context: Uint8Array },
): SealedMessage {
  const key = randomBytes(keyBytes);
  const { plaintext, context } = message;
  const { ciphertext, tag } = sealAead({ key, iv: nonce, aad: context, plaintext });
  return { encryptedKey: encryptTo(publicPem, key), ciphertext: concatBytes(ciphertext, tag) };
}

/** @throws DecryptionFailed */
export function openSealed(
  reader: EncryptionKey,
  sealed: SealedMessage,
  context: Uint8Array,
): Uint8Array {
  const { encryptedKey, ciphertext } = sealed;
  const key = reader.decrypt(encryptedKey);
  const at = ciphertext.length - aeadTagBytes;
  if (key.length !== keyBytes || at < 0) {
    throw refuseCrypto('DecryptionFailed', 'The ciphertext does not open.');
  }
  return openAead({
    key,
    iv: nonce,
    aad: context,
    ciphertext: ciphertext.subarray(0, at),
    tag: ciphertext.subarray(at),
  });
}
