/** CBOR (RFC 8949) over cborg, with limits; map order is the caller's, as COSE headers need. */
import { decode, encode, Token, Type } from 'cborg';
import { refuse } from './errors.ts';

export type CborKey = number | string;
export type CborValue =
  | null
  | boolean
  | number
  | string
  | Uint8Array
  | CborTag
  | readonly CborValue[]
  | ReadonlyMap<CborKey, CborValue>;

/** A tagged value, e.g. COSE_Sign1 is tag 18 (RFC 9052 section 2). */
export class CborTag {
  readonly tag: number;
  readonly value: CborValue;

  constructor(tag: number, value: CborValue) {
    this.tag = tag;
    this.value = value;
  }
}

const tagDecoder =
  (tag: number) =>
  (decodeContent: () => unknown): CborTag =>
    new CborTag(tag, decodeContent() as CborValue);

/** The tags that Coco reads: COSE_Sign1 only. Any other tag is refused. */
const signOneTag = 18;

const encodeOptions = {
  // A map keeps the order it was given: COSE protected headers are compared byte for byte.
  mapSorter: () => 0,
  typeEncoders: {
    Object: (value: unknown) =>
      value instanceof CborTag ? [new Token(Type.tag, value.tag), ...tokensOf(value.value)] : null,
  },
};

function tokensOf(value: CborValue): Token[] {
  const tokens: Token[] = [];
  const walk = (part: CborValue): void => {
    if (part === null) tokens.push(new Token(Type.null, null));
    else if (part === true) tokens.push(new Token(Type.true, true));
    else if (part === false) tokens.push(new Token(Type.false, false));
    else if (typeof part === 'number') {
      tokens.push(part < 0 ? new Token(Type.negint, part) : new Token(Type.uint, part));
    } else if (typeof part === 'string') tokens.push(new Token(Type.string, part));
    else if (part instanceof Uint8Array) tokens.push(new Token(Type.bytes, part));
    else if (part instanceof CborTag) {
      tokens.push(new Token(Type.tag, part.tag));
      walk(part.value);
    } else if (part instanceof Map) {
      tokens.push(new Token(Type.map, part.size));
      for (const [key, content] of part as ReadonlyMap<CborKey, CborValue>) {
        walk(key);
        walk(content);
      }
    } else {
      const list = part as readonly CborValue[];
      tokens.push(new Token(Type.array, list.length));
      for (const content of list) walk(content);
    }
  };
  walk(value);
  return tokens;
}

/** Shortest-form CBOR; maps in the order given. Numbers are integers. */
export function encodeCbor(value: CborValue): Uint8Array {
  return encode(value, encodeOptions);
}

/**
 * Decodes one CBOR item; maps become Map, byte strings Uint8Array, tag 18 CborTag.
 * Duplicate keys, indefinite lengths, other tags and trailing bytes are refused.
 * @throws RequestBodyTooLarge, InvalidInput
 */
export function decodeCbor(bytes: Uint8Array, bytesMax: number): CborValue {
  if (bytes.length > bytesMax) {
    throw refuse('RequestBodyTooLarge', `CBOR is limited to ${bytesMax} bytes.`, {
      length: bytes.length,
    });
  }
  try {
    return decode(bytes, {
      useMaps: true,
      allowIndefinite: false,
      allowUndefined: false,
      allowBigInt: false,
      rejectDuplicateMapKeys: true,
      tags: { [signOneTag]: tagDecoder(signOneTag) },
    }) as CborValue;
  } catch (cause) {
    // cborg throws plain errors, and a RangeError where nesting exhausts the stack.
    throw refuse('InvalidInput', 'The bytes are not CBOR.', { length: bytes.length }, cause);
  }
}
