/**
 * Bytes and their text forms. Bytes are Uint8Array everywhere inside; hex, base64 and UTF-8 appear
 * only at the edges (style rule 15).
 */
import { refuse } from './errors.ts';

const textEncoder = new TextEncoder();
const textDecoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
const hexDigits: readonly string[] = Array.from({ length: 256 }, (_, byte) =>
  byte.toString(16).padStart(2, '0'),
);

export const emptyBytes: Uint8Array = new Uint8Array(0);

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

/** Lower-case hex without a prefix. */
export function toHex(bytes: Uint8Array): string {
  let text = '';
  for (let at = 0; at < bytes.length; at++) text += hexDigits[bytes[at] as number];
  return text;
}

/**
 * Parses hex of either case, with or without `0x`.
 * @throws InvalidInput when the text has an odd length or another character.
 */
export function fromHex(text: string): Uint8Array {
  const digits = text.startsWith('0x') ? text.slice(2) : text;
  if (digits.length % 2 !== 0 || !/^[0-9a-fA-F]*$/.test(digits)) {
    throw refuse('InvalidInput', 'The text is not hexadecimal.', { length: text.length });
  }
  const bytes = new Uint8Array(digits.length / 2);
  for (let at = 0; at < bytes.length; at++) {
    bytes[at] = Number.parseInt(digits.slice(2 * at, 2 * at + 2), 16);
  }
  return bytes;
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
