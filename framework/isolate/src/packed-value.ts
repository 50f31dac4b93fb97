/**
 * Values between host and script: JSON, with what JSON lacks beside it. A string that begins with
 * U+0000 is a mark: `\0u` undefined, `\0b` and a number the bytes of that index, `\0s` and a rest
 * the string that is U+0000 and the rest. The script's side is guest-values.ts.
 */
import { type JsonValue, parseJson, utf8Encode } from '@coco/base';
import { isolateError } from './errors.ts';
import type { ScriptValue } from './script.ts';

export interface PackedValue {
  readonly text: string;
  readonly buffers: readonly Uint8Array[];
}

/** What a script may hand out at once. Parsing it takes the node's thread some 30 ms. */
const packedTextBytesMax: number = 4 * 1024 * 1024;
/** As large as a value of the store may be. */
const packedBufferBytesMax: number = 16 * 1024 * 1024;
const depthMax = 256;
const wholeNumber = /^(?:0|[1-9][0-9]{0,8})$/;

export function packValue(value: ScriptValue): PackedValue {
  const buffers: Uint8Array[] = [];
  const text = JSON.stringify(value, function (this: Record<string, ScriptValue>, key: string) {
    // Not the second argument: a Buffer has turned itself into an object there.
    const item = this[key];
    if (item === undefined) return '\0u';
    if (typeof item === 'string') return item.startsWith('\0') ? `\0s${item.slice(1)}` : item;
    if (!(item instanceof Uint8Array)) return item;
    buffers.push(item);
    return `\0b${buffers.length - 1}`;
  });
  return { text, buffers };
}

/** What of a value is beyond the limits; undefined when nothing is. */
export function packedExcess(packed: PackedValue): string | undefined {
  const text = utf8Encode(packed.text);
  if (text.length > packedTextBytesMax) {
    return `A value has at most ${packedTextBytesMax} bytes as JSON.`;
  }
  const bytes = packed.buffers.reduce((sum, buffer) => sum + buffer.length, 0);
  if (bytes > packedBufferBytesMax) {
    return `The buffers of a value have at most ${packedBufferBytesMax} bytes.`;
  }
  try {
    parseJson(text, { bytesMax: packedTextBytesMax, depthMax });
    return undefined;
  } catch {
    return `A value nests at most ${depthMax} deep.`;
  }
}

/**
 * Reads what came from a script. The bytes are not copied.
 * @throws InvalidScriptMessage
 */
export function unpackValue(packed: PackedValue): ScriptValue {
  let parsed: JsonValue;
  try {
    parsed = parseJson(utf8Encode(packed.text), { bytesMax: packedTextBytesMax, depthMax });
  } catch (cause) {
    throw isolateError('InvalidScriptMessage', 'A value of a script does not parse.', {}, cause);
  }
  // Most values hold no mark, and need no second walk: JSON writes U+0000 as an escape.
  return packed.text.includes('\\u0000') ? unmark(parsed, packed.buffers) : parsed;
}

function unmark(value: JsonValue, buffers: readonly Uint8Array[]): ScriptValue {
  if (typeof value === 'string') return value.startsWith('\0') ? marked(value, buffers) : value;
  if (value === null || typeof value !== 'object') return value;
  if (Array.isArray(value)) return value.map((item: JsonValue) => unmark(item, buffers));
  return Object.fromEntries(
    Object.entries(value).map(([name, item]) => [name, unmark(item, buffers)]),
  );
}

function marked(text: string, buffers: readonly Uint8Array[]): ScriptValue {
  const rest = text.slice(2);
  if (text[1] === 'u' && rest === '') return undefined;
  if (text[1] === 's') return `\0${rest}`;
  const bytes = text[1] === 'b' && wholeNumber.test(rest) ? buffers[Number(rest)] : undefined;
  if (bytes !== undefined) return bytes;
  throw isolateError('InvalidScriptMessage', 'A value of a script holds an unknown mark.');
}
