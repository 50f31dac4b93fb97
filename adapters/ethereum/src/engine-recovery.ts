/**
 * secp256k1 public key recovery by the native library (npm secp256k1, libsecp256k1 of Bitcoin
 * Core): four times as fast as Rust compiled to WebAssembly. Admission and the ecrecover precompile
 * both come here; the engine has checked the ranges of r and s before.
 */
import secp256k1 from 'secp256k1';

const uncompressedKeyBytes = 65;

/**
 * The 64 bytes (x ‖ y) of the key that made `signature` (r ‖ s, 64 bytes) over `hash`, or
 * `undefined` when no key did.
 */
export function recoverPublicKey(
  hash: Uint8Array,
  signature: Uint8Array,
  yParity: number,
): Uint8Array | undefined {
  const key = new Uint8Array(uncompressedKeyBytes);
  try {
    secp256k1.ecdsaRecover(signature, yParity, hash, false, key);
  } catch {
    // The library throws for every signature that no key made; lengths are right by construction.
    return undefined;
  }
  return key.subarray(1);
}
