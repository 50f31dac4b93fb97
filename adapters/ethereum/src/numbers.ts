/**
 * Numbers as Ethereum writes them: big-endian bytes without leading zeroes inside, quantities and
 * data in hex at the JSON-RPC edge (execution-apis, "Hex value encoding").
 */
import { assert } from '@coco/base';

/** Up to here a number is exact as a JavaScript number. */
const exactMax = 0xffff_ffff_ffffn;
const exactBytes = 6;

/** Big-endian without leading zeroes; empty for zero. */
export function bigToBytes(value: bigint): Uint8Array {
  assert(value >= 0n, 'only natural numbers have bytes');
  if (value <= exactMax) return exactToBytes(Number(value));
  const text = value.toString(16);
  return bytesOfHex(text.length % 2 === 0 ? text : `0${text}`);
}

function exactToBytes(value: number): Uint8Array {
  let length = 0;
  for (let rest = value; rest > 0; rest = Math.floor(rest / 256)) length++;
  const bytes = new Uint8Array(length);
  for (let at = length - 1, rest = value; at >= 0; at--) {
    bytes[at] = rest % 256;
    rest = Math.floor(rest / 256);
  }
  return bytes;
}

export function bytesToBig(bytes: Uint8Array): bigint {
  if (bytes.length > exactBytes) return BigInt(toData(bytes));
  let value = 0;
  for (let at = 0; at < bytes.length; at++) value = value * 256 + (bytes[at] as number);
  return BigInt(value);
}

/**
 * The bytes of hex digits that were checked before. An array of its own kind: Node's Buffer would
 * make `slice` a view.
 */
export function bytesOfHex(digits: string): Uint8Array {
  const bytes = Buffer.from(digits, 'hex');
  assert(2 * bytes.length === digits.length, 'what is converted are pairs of hex digits');
  return new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length);
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
  for (let at = 0; at < bytes.length; at++) if (bytes[at] !== 0) return false;
  return true;
}

/** A quantity: hex without leading zeroes. */
export function toQuantity(value: bigint | number): string {
  return `0x${value.toString(16)}`;
}

/** Unformatted data: two digits per byte. */
export function toData(bytes: Uint8Array): string {
  return `0x${Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('hex')}`;
}
