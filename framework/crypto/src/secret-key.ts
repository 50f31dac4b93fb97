/**
 * A symmetric key that is used again and again. Node prepares a key given as bytes anew for each
 * operation, which costs 20 to 30 us; prepared once it is also out of JavaScript's heap.
 */
import { createSecretKey, type KeyObject } from 'node:crypto';

export class SecretKey {
  readonly keyObject: KeyObject;

  /** The bytes are copied. */
  constructor(bytes: Uint8Array) {
    this.keyObject = createSecretKey(bytes);
  }
}

/** What node:crypto takes as a key. */
export function keyMaterial(key: Uint8Array | SecretKey): Uint8Array | KeyObject {
  return key instanceof SecretKey ? key.keyObject : key;
}
