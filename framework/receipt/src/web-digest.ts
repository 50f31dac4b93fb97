/** SHA-256 (FIPS 180-4) by WebCrypto, which Node and browsers share. */
import { concatBytes } from '@coco/base';

/** The digest of the parts one after another; 32 bytes. */
export async function sha256(...parts: readonly Uint8Array[]): Promise<Uint8Array> {
  const joined = Uint8Array.from(concatBytes(...parts));
  return new Uint8Array(await globalThis.crypto.subtle.digest('SHA-256', joined));
}
