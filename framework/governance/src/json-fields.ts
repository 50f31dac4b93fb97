/** Typed access to the fields of a parsed JSON object; a missing or wrong one is refused. */
import { isJsonObject, type JsonValue, refuse } from '@coco/base';

export function isWholeNumber(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;
}

export class JsonFields {
  readonly #value: { readonly [name: string]: JsonValue };
  readonly #what: string;

  /** @param what Names the object in messages. @throws InvalidInput when it is no object */
  constructor(value: JsonValue | undefined, what: string) {
    if (!isJsonObject(value)) throw refuse('InvalidInput', `${what} is not a JSON object.`);
    this.#value = value;
    this.#what = what;
  }

  names(): readonly string[] {
    return Object.keys(this.#value);
  }

  /** The field as it stands; absent and null are the same. */
  json(name: string): JsonValue | undefined {
    return Object.hasOwn(this.#value, name) ? (this.#value[name] ?? undefined) : undefined;
  }

  optionalText(name: string): string | undefined {
    const value = this.json(name);
    if (value === undefined || typeof value === 'string') return value;
    throw this.#refuse(name, 'text');
  }

  text(name: string): string {
    return this.optionalText(name) ?? this.#missing(name, 'text');
  }

  optionalCount(name: string): number | undefined {
    const value = this.json(name);
    if (value === undefined) return undefined;
    if (isWholeNumber(value)) return value;
    throw this.#refuse(name, 'a whole number');
  }

  count(name: string): number {
    return this.optionalCount(name) ?? this.#missing(name, 'a whole number');
  }

  optionalBoolean(name: string): boolean | undefined {
    const value = this.json(name);
    if (value === undefined || typeof value === 'boolean') return value;
    throw this.#refuse(name, 'true or false');
  }

  boolean(name: string): boolean {
    return this.optionalBoolean(name) ?? this.#missing(name, 'true or false');
  }

  optionalOneOf<Choice extends string>(
    name: string,
    choices: readonly Choice[],
  ): Choice | undefined {
    const text = this.optionalText(name);
    if (text === undefined) return undefined;
    const choice = choices.find((candidate) => candidate === text);
    if (choice === undefined) throw this.#refuse(name, `one of ${choices.join(', ')}`);
    return choice;
  }

  oneOf<Choice extends string>(name: string, choices: readonly Choice[]): Choice {
    return this.optionalOneOf(name, choices) ?? this.#missing(name, 'text');
  }

  optionalObject(name: string): JsonFields | undefined {
    const value = this.json(name);
    return value === undefined ? undefined : new JsonFields(value, `${this.#what}.${name}`);
  }

  object(name: string): JsonFields {
    return this.optionalObject(name) ?? this.#missing(name, 'an object');
  }

  /** A list of text. */
  optionalTexts(name: string): readonly string[] | undefined {
    const value = this.json(name);
    if (value === undefined) return undefined;
    const isTexts = Array.isArray(value) && value.every((item) => typeof item === 'string');
    if (isTexts) return value as readonly string[];
    throw this.#refuse(name, 'a list of text');
  }

  /** Every field, as it stands. */
  all(): { readonly [name: string]: JsonValue } {
    return this.#value;
  }

  /** An object whose fields are all text. */
  texts(name: string): Readonly<Record<string, string>> {
    const fields = this.object(name);
    return Object.fromEntries(fields.names().map((key) => [key, fields.text(key)]));
  }

  /** An object whose fields are all true or false. */
  optionalBooleans(name: string): Readonly<Record<string, boolean>> | undefined {
    const fields = this.optionalObject(name);
    if (!fields) return undefined;
    const flag = (key: string): boolean =>
      fields.optionalBoolean(key) ?? fields.#missing(key, 'true or false');
    return Object.fromEntries(fields.names().map((key) => [key, flag(key)]));
  }

  list(name: string): readonly JsonFields[] {
    const value = this.json(name);
    if (!Array.isArray(value)) throw this.#refuse(name, 'a list');
    return (value as readonly JsonValue[]).map(
      (item, at) => new JsonFields(item, `${this.#what}.${name}[${at}]`),
    );
  }

  #missing(name: string, form: string): never {
    throw this.#refuse(name, form);
  }

  #refuse(name: string, form: string): Error {
    return refuse('InvalidInput', `${this.#what}.${name} is not ${form}.`);
  }
}
