/** The part of npm secp256k1 that is used here (its API.md); the package carries no types. */
declare module 'secp256k1' {
  interface Secp256k1 {
    /**
     * Writes the public key that made a signature (r ‖ s, 64 bytes) into `output`: 65 bytes, 0x04,
     * x, y. Throws when the signature is out of range or no key made it.
     */
    ecdsaRecover(
      signature: Uint8Array,
      recoveryId: number,
      messageHash: Uint8Array,
      isCompressed: boolean,
      output: Uint8Array,
    ): Uint8Array;
    /** Signs a hash with a private key of 32 bytes; used by load programs. */
    ecdsaSign(
      messageHash: Uint8Array,
      privateKey: Uint8Array,
    ): { readonly signature: Uint8Array; readonly recid: 0 | 1 };
  }
  const secp256k1: Secp256k1;
  export default secp256k1;
}
