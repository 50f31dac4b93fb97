/**
 * Bytes and their text forms. Bytes are Uint8Array everywhere inside; hex, base64 and UTF-8 appear
 * only at the edges (style rule 15).
 */
import { refuse } from './errors.ts';

const textEncoder = new TextEncoder();
const textDecoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
const hexDigits = '0123456789abcdef';
const hexPairs: readonly string[] = Array.from({ length: 256 }, (_, byte) =>
  byte.toString(16).padStart(2, '0'),
);
const hexCodes: Uint8Array = textEncoder.encode(hexDigits);
/** By character code: the digit's value, or -1. */
const hexValues: Int8Array = Int8Array.from({ length: 128 }, (_, code) =>
  hexDigits.indexOf(String.fromCharCode(code).toLowerCase()),
);
/** Up to here text grows faster than it is decoded; keys, hashes and addresses are shorter. */
const grownBytesMax = 64;

export const emptyBytes: Uint8Array = new Uint8Array(0);

/**
 * Arrays that live for one batch are cut from slabs: above 64 bytes V8 allocates each array outside
 * its heap, which costs more than filling it. A slab is never used twice.
 */
const slabBytes = 64 * 1024;
/** Longer arrays would waste a slab's end. */
const cutBytesMax = 4096;
let slab: Uint8Array = emptyBytes;
let slabAt = 0;

/**
 * A new array of zeroes for what lives shortly. It shares its ArrayBuffer with others: it must not
 * be posted to a thread, and whoever keeps it long copies it.
 */
export function cutBytes(length: number): Uint8Array {
  if (length > cutBytesMax) return new Uint8Array(length);
  if (slabAt + length > slab.length) {
    slab = new Uint8Array(slabBytes);
    slabAt = 0;
  }
  const from = slabAt;
  slabAt += length;
  return slab.subarray(from, slabAt);
}

/** A copy, as `cutBytes` gives it; never a view, also of a Buffer. */
export function cutCopy(bytes: Uint8Array): Uint8Array {
  const copy = cutBytes(bytes.length);
  copy.set(bytes);
  return copy;
}

/** Joins parts into one new array. */
export function concatBytes(...parts: readonly Uint8Array[]): Uint8Array {
  let length = 0;
  for (const part of parts) length += part.length;
  const joined = new Uint8Array(length);
  let at = 0;
  for (const part of parts) {
    joined.set(part, at);
    at += part.length;
  }
  return joined;
}

/** Whether two arrays hold the same bytes. Not constant-time: never compare secrets with it. */
export function equalBytes(left: Uint8Array, right: Uint8Array): boolean {
  if (left.length !== right.length) return false;
  for (let at = 0; at < left.length; at++) if (left[at] !== right[at]) return false;
  return true;
}

/** Byte-lexicographic order: negative, zero or positive, as Array.prototype.sort expects. */
export function compareBytes(left: Uint8Array, right: Uint8Array): number {
  const shared = Math.min(left.length, right.length);
  for (let at = 0; at < shared; at++) {
    const difference = (left[at] as number) - (right[at] as number);
    if (difference !== 0) return difference;
  }
  return left.length - right.length;
}

/**
 * Lower-case hex without a prefix. The digits of long bytes are written as bytes first: a text
 * that grows pair by pair takes 32 bytes for each pair until it is read.
 */
export function toHex(bytes: Uint8Array): string {
  if (bytes.length > grownBytesMax) return toLongHex(bytes);
  let text = '';
  for (let at = 0; at < bytes.length; at++) text += hexPairs[bytes[at] as number];
  return text;
}

function toLongHex(bytes: Uint8Array): string {
  const codes = new Uint8Array(2 * bytes.length);
  for (let at = 0; at < bytes.length; at++) {
    const byte = bytes[at] as number;
    codes[2 * at] = hexCodes[byte >> 4] as number;
    codes[2 * at + 1] = hexCodes[byte & 15] as number;
  }
  return textDecoder.decode(codes);
}

/**
 * Parses hex of either case, with or without `0x`.
 * @throws InvalidInput when the text has an odd length or another character.
 */
export function fromHex(text: string): Uint8Array {
  const from = text.startsWith('0x') ? 2 : 0;
  const wrong = () =>
    refuse('InvalidInput', 'The text is not hexadecimal.', { length: text.length });
  if ((text.length - from) % 2 !== 0) throw wrong();
  const bytes = new Uint8Array((text.length - from) / 2);
  for (let at = 0; at < bytes.length; at++) {
    const high = hexValue(text.charCodeAt(from + 2 * at));
    const low = hexValue(text.charCodeAt(from + 2 * at + 1));
    if (high < 0 || low < 0) throw wrong();
    bytes[at] = (high << 4) | low;
  }
  return bytes;
}

/** The value of a digit by its character code; -1 for any other character. */
function hexValue(code: number): number {
  return code < hexValues.length ? (hexValues[code] as number) : -1;
}

export function utf8Encode(text: string): Uint8Array {
  return textEncoder.encode(text);
}

/** @throws InvalidInput when the bytes are not well-formed UTF-8. */
export function utf8Decode(bytes: Uint8Array): string {
  try {
    return textDecoder.decode(bytes);
  } catch (cause) {
    throw refuse('InvalidInput', 'The bytes are not UTF-8.', { length: bytes.length }, cause);
  }
}

const base64Chunk = 0x2000;

/** RFC 4648 section 4, with padding. */
export function toBase64(bytes: Uint8Array): string {
  let binary = '';
  for (let at = 0; at < bytes.length; at += base64Chunk) {
    binary += String.fromCharCode(...bytes.subarray(at, at + base64Chunk));
  }
  return btoa(binary);
}

/** @throws InvalidInput when the text is not canonical base64 (RFC 4648 section 4). */
export function fromBase64(text: string): Uint8Array {
  let binary: string;
  try {
    binary = atob(text);
  } catch (cause) {
    throw refuse('InvalidInput', 'The text is not base64.', { length: text.length }, cause);
  }
  const bytes = Uint8Array.from(binary, (character) => character.charCodeAt(0));
  if (toBase64(bytes) !== text) {
    throw refuse('InvalidInput', 'The base64 text is not canonical.', { length: text.length });
  }
  return bytes;
}
