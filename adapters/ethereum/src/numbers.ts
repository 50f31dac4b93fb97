/**
 * Numbers as Ethereum writes them: big-endian bytes without leading zeroes inside, quantities and
 * data in hex at the JSON-RPC edge (execution-apis, "Hex value encoding").
 */
import { assert, toHex } from '@coco/base';

/** Big-endian without leading zeroes; empty for zero. */
export function bigToBytes(value: bigint): Uint8Array {
  assert(value >= 0n, 'only natural numbers have bytes');
  let length = 0;
  for (let rest = value; rest > 0n; rest >>= 8n) length++;
  const bytes = new Uint8Array(length);
  let rest = value;
  for (let at = length - 1; at >= 0; at--) {
    bytes[at] = Number(rest & 0xffn);
    rest >>= 8n;
  }
  return bytes;
}

export function bytesToBig(bytes: Uint8Array): bigint {
  return bytes.length === 0 ? 0n : BigInt(`0x${toHex(bytes)}`);
}

/** 8 bytes, big-endian: the order of the bytes is the order of the numbers. */
export function u64Bytes(value: bigint): Uint8Array {
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setBigUint64(0, value);
  return bytes;
}

export function u64OfBytes(bytes: Uint8Array): bigint {
  assert(bytes.length === 8, 'a u64 has 8 bytes');
  return new DataView(bytes.buffer, bytes.byteOffset, 8).getBigUint64(0);
}

/** Without leading zeroes; one byte for zero, so that a value is never empty. */
export function trimWord(word: Uint8Array): Uint8Array {
  let from = 0;
  while (from < word.length - 1 && word[from] === 0) from++;
  return word.subarray(from);
}

/** 32 bytes, padded with zeroes on the left. */
export function padWord(bytes: Uint8Array): Uint8Array {
  assert(bytes.length <= 32, 'a word has at most 32 bytes');
  if (bytes.length === 32) return bytes;
  const word = new Uint8Array(32);
  word.set(bytes, 32 - bytes.length);
  return word;
}

export function isZero(bytes: Uint8Array): boolean {
  return bytes.every((byte) => byte === 0);
}

/** A quantity: hex without leading zeroes. */
export function toQuantity(value: bigint | number): string {
  return `0x${value.toString(16)}`;
}

/** Unformatted data: two digits per byte. */
export function toData(bytes: Uint8Array): string {
  return `0x${toHex(bytes)}`;
}
