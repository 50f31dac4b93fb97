/**
 * A secret under AES-256-GCM without additional data, as CCF stores it: tag (16 bytes), iv (12),
 * ciphertext. The caller owes each key at most one content per iv.
 */
import { ByteReader, concatBytes, emptyBytes } from '@coco/base';
import { aeadTagBytes, openAead, sealAead } from '@coco/crypto';

export const blobIvBytes = 12;

export function sealBlob(key: Uint8Array, iv: Uint8Array, plaintext: Uint8Array): Uint8Array {
  const { ciphertext, tag } = sealAead({ key, iv, aad: emptyBytes, plaintext });
  return concatBytes(tag, iv, ciphertext);
}

/** @throws InvalidInput when it is too short, DecryptionFailed */
export function openBlob(key: Uint8Array, blob: Uint8Array): Uint8Array {
  const reader = new ByteReader(blob);
  const tag = reader.raw(aeadTagBytes);
  const iv = reader.raw(blobIvBytes);
  const ciphertext = reader.raw(reader.remaining);
  return openAead({ key, iv, aad: emptyBytes, ciphertext, tag });
}
