/** JSON of limited size and depth, and its canonical form. */
import { utf8Decode, utf8Encode } from './bytes.ts';
import { refuse } from './errors.ts';

export type JsonValue =
  | null
  | boolean
  | number
  | string
  | readonly JsonValue[]
  | { readonly [key: string]: JsonValue };

export interface JsonLimits {
  readonly bytesMax: number;
  readonly depthMax: number;
}

/** Enough for any document that the framework reads itself. */
export const jsonLimitsDefault: JsonLimits = { bytesMax: 1024 * 1024, depthMax: 32 };

/**
 * Parses untrusted JSON. Depth is checked before the parser runs, so hostile nesting costs a scan.
 * @throws RequestBodyTooLarge, NestingTooDeep, InvalidInput
 */
export function parseJson(bytes: Uint8Array, limits: JsonLimits = jsonLimitsDefault): JsonValue {
  if (bytes.length > limits.bytesMax) {
    throw refuse('RequestBodyTooLarge', `JSON is limited to ${limits.bytesMax} bytes.`, {
      length: bytes.length,
    });
  }
  assertDepth(bytes, limits.depthMax);
  const text = utf8Decode(bytes);
  try {
    return JSON.parse(text) as JsonValue;
  } catch (cause) {
    throw refuse('InvalidInput', 'The text is not JSON.', { length: bytes.length }, cause);
  }
}

const quote = 0x22;
const backslash = 0x5c;

function assertDepth(bytes: Uint8Array, depthMax: number): void {
  let depth = 0;
  let inString = false;
  for (let at = 0; at < bytes.length; at++) {
    const byte = bytes[at];
    if (inString) {
      if (byte === backslash) at++;
      else if (byte === quote) inString = false;
    } else if (byte === quote) inString = true;
    else if (byte === 0x5b || byte === 0x7b) {
      if (++depth > depthMax) {
        throw refuse('NestingTooDeep', `JSON nests at most ${depthMax} deep.`, { at });
      }
    } else if (byte === 0x5d || byte === 0x7d) depth--;
  }
}

/** Compact JSON with sorted keys: one value has one text. */
export function canonicalJson(value: JsonValue): string {
  return JSON.stringify(value, (_key, part: JsonValue) =>
    part !== null && typeof part === 'object' && !Array.isArray(part)
      ? Object.fromEntries(Object.entries(part).sort(([left], [right]) => (left < right ? -1 : 1)))
      : part,
  );
}

export function encodeJson(value: JsonValue): Uint8Array {
  return utf8Encode(canonicalJson(value));
}

/** Whether a parsed value is an object (not null, not a list). */
export function isJsonObject(
  value: JsonValue | undefined,
): value is { readonly [key: string]: JsonValue } {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
