/**
 * Claims: what a transaction says of itself in its receipt. The receipt holds only their digest,
 * salted by the ledger, because an unsalted digest confirms a guess.
 */
import { sha256 } from './web-digest.ts';

/** 32 zero bytes: the claims digest of a transaction without claims. */
export const noClaims: Uint8Array = new Uint8Array(32);

/**
 * The digest of opened claims: SHA-256 over the parts one after another. Which parts, of which
 * fixed lengths, is the adapter's rule (Ethereum: salt, chain id, transaction hash, receipt hash).
 */
export function claimsDigestOf(parts: readonly Uint8Array[]): Promise<Uint8Array> {
  return sha256(...parts);
}
