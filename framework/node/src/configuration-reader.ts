/**
 * Reads a JSON configuration into typed values, naming the path of whatever is wrong. Sizes are
 * written "5MB", times "100ms", as in CCF's node configuration.
 */

import { isJsonObject, type JsonValue } from '@coco/base';
import { nodeError } from './errors.ts';

const sizeUnits: Readonly<Record<string, number>> = {
  B: 1,
  KB: 1024,
  MB: 1024 ** 2,
  GB: 1024 ** 3,
};
const timeUnits: Readonly<Record<string, number>> = {
  us: 0.001,
  ms: 1,
  s: 1000,
  min: 60_000,
  h: 3_600_000,
};

/** One object of the configuration. `finish` refuses keys that nothing asked for. */
export class ConfigurationReader {
  readonly #value: Readonly<Record<string, JsonValue>>;
  readonly #path: string;
  readonly #asked = new Set<string>();

  constructor(value: JsonValue | undefined, path: string) {
    if (!isJsonObject(value)) throw wrong(path, 'an object');
    this.#value = value;
    this.#path = path;
  }

  keys(): readonly string[] {
    return Object.keys(this.#value);
  }

  has(key: string): boolean {
    this.#asked.add(key);
    const value = this.#value[key];
    // CCF: an empty string means the default.
    return value !== undefined && value !== '';
  }

  object(key: string): ConfigurationReader {
    return new ConfigurationReader(this.has(key) ? this.#value[key] : {}, this.#at(key));
  }

  objects(key: string): readonly ConfigurationReader[] {
    return this.#list(key).map(
      (value, at) => new ConfigurationReader(value, `${this.#at(key)}[${at}]`),
    );
  }

  text(key: string, fallback?: string): string {
    return this.#read(key, fallback, 'a text', (value) =>
      typeof value === 'string' ? value : undefined,
    );
  }

  optionalText(key: string): string | undefined {
    return this.has(key) ? this.text(key) : undefined;
  }

  texts(key: string): readonly string[] {
    return this.#list(key).map((value) => {
      if (typeof value !== 'string') throw wrong(this.#at(key), 'a list of texts');
      return value;
    });
  }

  choice<Choice extends string>(
    key: string,
    choices: readonly Choice[],
    fallback?: Choice,
  ): Choice {
    return this.#read(key, fallback, `one of ${choices.join(', ')}`, (value) =>
      choices.find((choice) => choice === value),
    );
  }

  flag(key: string, fallback: boolean): boolean {
    return this.#read(key, fallback, 'true or false', (value) =>
      typeof value === 'boolean' ? value : undefined,
    );
  }

  integer(key: string, range: { min: number; max: number }, fallback?: number): number {
    return this.#read(key, fallback, `a whole number of ${range.min} to ${range.max}`, (value) =>
      Number.isSafeInteger(value) && Number(value) >= range.min && Number(value) <= range.max
        ? Number(value)
        : undefined,
    );
  }

  sizeBytes(key: string, fallback: number): number {
    return this.#read(key, fallback, 'a size such as "5MB"', (value) => scaled(value, sizeUnits));
  }

  timeMs(key: string, fallback: number): number {
    return this.#read(key, fallback, 'a time such as "100ms"', (value) => scaled(value, timeUnits));
  }

  /** The raw value, for a part that another room parses. */
  raw(key: string): JsonValue | undefined {
    this.#asked.add(key);
    return this.#value[key];
  }

  /** Takes note of keys of CCF that this node has no use for; returns the paths of those present. */
  unused(keys: readonly string[]): readonly string[] {
    return keys.filter((key) => this.has(key)).map((key) => this.#at(key));
  }

  /** @throws InvalidConfiguration for a key that no reader asked for: a typing error, likely. */
  finish(): void {
    const unknown = Object.keys(this.#value).find((key) => !this.#asked.has(key));
    if (unknown !== undefined) {
      throw nodeError('InvalidConfiguration', `Coco does not know "${this.#at(unknown)}".`);
    }
  }

  #list(key: string): readonly JsonValue[] {
    if (!this.has(key)) return [];
    const value = this.#value[key];
    if (!Array.isArray(value)) throw wrong(this.#at(key), 'a list');
    return value;
  }

  #read<Value>(
    key: string,
    fallback: Value | undefined,
    expected: string,
    parse: (value: JsonValue | undefined) => Value | undefined,
  ): Value {
    if (!this.has(key)) {
      if (fallback !== undefined) return fallback;
      throw nodeError('InvalidConfiguration', `"${this.#at(key)}" is missing: ${expected}.`);
    }
    const value = parse(this.#value[key]);
    if (value === undefined) throw wrong(this.#at(key), expected);
    return value;
  }

  #at(key: string): string {
    return this.#path === '' ? key : `${this.#path}.${key}`;
  }
}

function wrong(path: string, expected: string): Error {
  return nodeError('InvalidConfiguration', `"${path}" must be ${expected}.`);
}

function scaled(
  value: JsonValue | undefined,
  units: Readonly<Record<string, number>>,
): number | undefined {
  const match = /^(\d{1,12})([a-zA-Z]*)$/.exec(String(value));
  const unit = match?.[2] === '' ? Math.min(...Object.values(units)) : units[match?.[2] ?? ''];
  return match && unit !== undefined ? Number(match[1]) * unit : undefined;
}
