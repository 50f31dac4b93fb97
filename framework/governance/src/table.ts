/**
 * A governance table: a kv map with typed keys and values. Rows are public and recovered from files
 * that a host could have changed, so they are parsed on every read; a row that does not parse is a
 * fault, never a guess.
 */
import {
  encodeJson,
  fromBase64,
  type JsonValue,
  LedgerError,
  parseJson,
  type Seqno,
  toBase64,
  utf8Decode,
  utf8Encode,
} from '@coco/base';
import type { MapReader, MapWriter } from '@coco/kv';
import { governanceError } from './errors.ts';
import { JsonFields } from './json-fields.ts';

/** A state to read: a ReadView or a Transaction of @coco/kv. */
export interface Readable {
  map(name: string): MapReader;
}

/** A Transaction of @coco/kv. */
export interface Writable {
  map(name: string): MapWriter;
}

export interface Codec<Value> {
  encode(value: Value): Uint8Array;
  /** @throws LedgerError when the bytes do not have the form */
  decode(bytes: Uint8Array): Value;
}

/** A row of the framework is a few kB; a constitution or a module may be some MiB. */
const rowLimits = { bytesMax: 16 * 1024 * 1024, depthMax: 64 };

export const rawText: Codec<string> = { encode: utf8Encode, decode: utf8Decode };
export const rawBytes: Codec<Uint8Array> = {
  encode: (value) => value,
  decode: (bytes) => bytes,
};

/** A JSON string. */
export const jsonText: Codec<string> = {
  encode: (value) => encodeJson(value),
  decode: (bytes) => {
    const value = parseJson(bytes, rowLimits);
    if (typeof value === 'string') return value;
    throw governanceError('GovernanceRowInvalid', 'The row is not a JSON string.');
  },
};

/** A JSON string that holds base64. */
export const jsonBase64: Codec<Uint8Array> = {
  encode: (value) => jsonText.encode(toBase64(value)),
  decode: (bytes) => fromBase64(jsonText.decode(bytes)),
};

/** Any JSON, as it stands. */
export const json: Codec<JsonValue> = {
  encode: (value) => encodeJson(value),
  decode: (bytes) => parseJson(bytes, rowLimits),
};

/** A JSON object; fields that are undefined are left out. */
export function jsonRow<Row extends object>(parse: (fields: JsonFields) => Row): Codec<Row> {
  return {
    // The canonical text leaves undefined fields out, so a row is JSON although its type says more.
    encode: (row) => encodeJson(row as unknown as JsonValue),
    decode: (bytes) => parse(new JsonFields(parseJson(bytes, rowLimits), 'The row')),
  };
}

/** Reads a row without bytes, as CCF's constitution may write it, as `value`. */
export function emptyAs<Row>(value: Row, codec: Codec<Row>): Codec<Row> {
  return {
    encode: codec.encode,
    decode: (bytes) => (bytes.length === 0 ? value : codec.decode(bytes)),
  };
}

/** The key of tables with one row: 8 zero bytes. */
const singletonKey = new Uint8Array(8);

/** A table with text keys: ids, names. */
export class Table<Value> {
  readonly name: string;
  readonly #codec: Codec<Value>;

  constructor(name: string, codec: Codec<Value>) {
    this.name = name;
    this.#codec = codec;
  }

  /** @throws GovernanceRowInvalid */
  get(state: Readable, key: string): Value | undefined {
    const bytes = state.map(this.name).get(utf8Encode(key));
    return bytes && decodeRow(this.name, this.#codec, bytes);
  }

  has(state: Readable, key: string): boolean {
    return state.map(this.name).has(utf8Encode(key));
  }

  /** Decodes a value of this table that was read elsewhere. @throws GovernanceRowInvalid */
  decode(bytes: Uint8Array): Value {
    return decodeRow(this.name, this.#codec, bytes);
  }

  put(transaction: Writable, key: string, value: Value): void {
    transaction.map(this.name).set(utf8Encode(key), this.#codec.encode(value));
  }

  delete(transaction: Writable, key: string): void {
    transaction.map(this.name).delete(utf8Encode(key));
  }

  /** All rows in byte order of keys, read at once: the table may be written while they are used. */
  rows(state: Readable): readonly (readonly [key: string, value: Value])[] {
    return [...state.map(this.name).range()].map(({ key, value }) => [
      utf8Decode(key),
      decodeRow(this.name, this.#codec, value),
    ]);
  }

  keys(state: Readable): readonly string[] {
    return [...state.map(this.name).range()].map(({ key }) => utf8Decode(key));
  }
}

/** A table with a single row. */
export class Singleton<Value> {
  readonly name: string;
  readonly #codec: Codec<Value>;

  constructor(name: string, codec: Codec<Value>) {
    this.name = name;
    this.#codec = codec;
  }

  /** @throws GovernanceRowInvalid when it does not parse */
  get(state: Readable): Value | undefined {
    const bytes = state.map(this.name).get(singletonKey);
    return bytes && decodeRow(this.name, this.#codec, bytes);
  }

  /** @throws GovernanceRowInvalid when it is missing or does not parse */
  require(state: Readable): Value {
    const value = this.get(state);
    if (value === undefined) {
      throw governanceError('GovernanceRowInvalid', `The table ${this.name} is empty.`);
    }
    return value;
  }

  put(transaction: Writable, value: Value): void {
    transaction.map(this.name).set(singletonKey, this.#codec.encode(value));
  }

  /** The seqno that wrote the row. */
  versionOf(state: Readable): Seqno | undefined {
    return state.map(this.name).versionOf(singletonKey);
  }

  /** Decodes a value of this table that was read elsewhere. @throws GovernanceRowInvalid */
  decode(bytes: Uint8Array): Value {
    return decodeRow(this.name, this.#codec, bytes);
  }
}

function decodeRow<Value>(name: string, codec: Codec<Value>, bytes: Uint8Array): Value {
  try {
    return codec.decode(bytes);
  } catch (cause) {
    if (!(cause instanceof LedgerError)) throw cause;
    throw governanceError('GovernanceRowInvalid', `A row of ${name} is damaged.`, {}, cause);
  }
}
