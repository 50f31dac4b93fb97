/**
 * The claim of an Ethereum transaction's ledger entry. Its digest stands in clear in the ledger,
 * so it is salted: whoever only guesses the receipt cannot confirm the guess (design.md 7). Who is
 * given salt and receipt proves the receipt offline with the entry's COSE receipt.
 * Format: docs/formats/ethereum-claims.md.
 */
import { assert, concatBytes } from '@coco/base';
import { sha256 } from '@coco/crypto';
import { u64Bytes } from './numbers.ts';

export const saltBytes = 32;

/** SHA-256(salt ‖ chain id, u64 big-endian ‖ transaction hash ‖ keccak-256(receipt)). */
export function claimsDigest(parts: {
  readonly salt: Uint8Array;
  readonly chainId: bigint;
  readonly transactionHash: Uint8Array;
  readonly receiptHash: Uint8Array;
}): Uint8Array {
  const { salt, chainId, transactionHash, receiptHash } = parts;
  assert(salt.length === saltBytes, 'the salt of a claim has 32 bytes');
  assert(transactionHash.length === 32, 'a transaction hash has 32 bytes');
  assert(receiptHash.length === 32, 'a receipt hash has 32 bytes');
  return sha256(concatBytes(salt, u64Bytes(chainId), transactionHash, receiptHash));
}
