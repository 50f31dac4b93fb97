/**
 * Values inside the isolate. Functions of the guest-* files are not called here: their text is
 * evaluated in QuickJS (guest-prelude.ts), before any script runs. So they use nothing but their
 * arguments, one another, and the language; and what they use later of the language they keep from
 * the start, because a script may change it. What a script breaks here it breaks for itself alone.
 */

/** The language's functions as they were before the script. */
export interface Kept {
  readonly uncurry: <Self, Args extends unknown[], Result>(
    method: (this: Self, ...args: Args) => Result,
  ) => (self: Self, ...args: Args) => Result;
  readonly apply: typeof Reflect.apply;
  readonly parse: typeof JSON.parse;
  readonly stringify: typeof JSON.stringify;
  readonly isArray: typeof Array.isArray;
  readonly isView: typeof ArrayBuffer.isView;
  readonly toText: (value: unknown) => string;
  readonly slice: (text: string, from: number, to?: number) => string;
  readonly includes: (text: string, part: string) => boolean;
  readonly sliceBytes: (buffer: ArrayBuffer, from: number, to: number) => ArrayBuffer;
  readonly byteLength: (buffer: ArrayBuffer) => number;
  readonly isDetached: (buffer: ArrayBuffer) => boolean;
  readonly viewOf: (view: object) => ArrayBuffer;
  readonly u32: (view: DataView, at: number, isLittleEndian: boolean) => number;
  readonly DataView: typeof DataView;
  readonly TypeError: typeof TypeError;
  readonly RangeError: typeof RangeError;
  readonly Error: typeof Error;
}

/** The functions of host-functions.ts. */
export interface GuestHost {
  /** Adds bytes to what is handed out next; returns their index. */
  give(bytes: ArrayBuffer): number;
  /** Bytes of what was handed in; each index once. */
  take(index: number): ArrayBuffer;
  kv(...args: unknown[]): unknown;
  /** Calls a function of the access; the answer begins with its kind. */
  call(path: string, text: string): string;
  crypto(name: string, text: string): string;
  validate(source: string): string;
  encode(text: string): ArrayBuffer;
  decode(bytes: ArrayBuffer): string;
  random(): number;
}

export function keepLanguage(): Kept {
  const uncurry = Function.prototype.bind.bind(Function.prototype.call) as Kept['uncurry'];
  const getter = (prototype: object, name: string) =>
    uncurry(Object.getOwnPropertyDescriptor(prototype, name)?.get as () => never);
  const typedArray = Object.getPrototypeOf(Uint8Array.prototype);
  const bufferOf = getter(typedArray, 'buffer');
  const offsetOf = getter(typedArray, 'byteOffset');
  const lengthOf = getter(typedArray, 'byteLength');
  const dataBufferOf = getter(DataView.prototype, 'buffer');
  const dataOffsetOf = getter(DataView.prototype, 'byteOffset');
  const dataLengthOf = getter(DataView.prototype, 'byteLength');
  const tagOf = getter(typedArray, Symbol.toStringTag as unknown as string);
  const sliceBytes = uncurry(ArrayBuffer.prototype.slice);
  return {
    uncurry,
    apply: Reflect.apply,
    parse: JSON.parse,
    stringify: JSON.stringify,
    isArray: Array.isArray,
    isView: ArrayBuffer.isView,
    toText: String,
    slice: uncurry(String.prototype.slice),
    includes: uncurry(String.prototype.includes) as Kept['includes'],
    sliceBytes,
    byteLength: getter(ArrayBuffer.prototype, 'byteLength'),
    isDetached: getter(ArrayBuffer.prototype, 'detached'),
    // A copy of what the view shows of its buffer.
    viewOf: (view) => {
      const isTyped = tagOf(view) !== undefined;
      const buffer = isTyped ? bufferOf(view) : dataBufferOf(view);
      const from = isTyped ? offsetOf(view) : dataOffsetOf(view);
      return sliceBytes(buffer, from, from + (isTyped ? lengthOf(view) : dataLengthOf(view)));
    },
    u32: uncurry(DataView.prototype.getUint32),
    DataView,
    TypeError,
    RangeError,
    Error,
  };
}

/** The value itself when it is an ArrayBuffer with its memory; no script can forge that. */
export function asBuffer(kept: Kept, value: unknown): ArrayBuffer | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  try {
    return kept.isDetached(value as ArrayBuffer) ? undefined : (value as ArrayBuffer);
  } catch {
    return undefined;
  }
}

/** As text for the host; its bytes are given beside it. @throws TypeError of JSON.stringify */
export function packGuestValue(kept: Kept, host: GuestHost, value: unknown): string {
  function mark(this: unknown, _key: string, item: unknown): unknown {
    if (typeof item === 'string') return item[0] === '\0' ? `\0s${kept.slice(item, 1)}` : item;
    if (typeof item === 'object' && item !== null) {
      const bytes = kept.isView(item) ? kept.viewOf(item) : asBuffer(kept, item);
      return bytes === undefined ? item : `\0b${host.give(bytes)}`;
    }
    // In a list its place counts; elsewhere JSON leaves it out.
    return item === undefined && kept.isArray(this) ? '\0u' : item;
  }
  return kept.stringify(value, mark);
}

/** A value that the host packed. */
export function unpackGuestValue(kept: Kept, host: GuestHost, text: string): unknown {
  const marks: { owner: Record<string, unknown>; key: string; text: string }[] = [];
  let count = 0;
  function find(this: Record<string, unknown>, key: string, item: unknown): unknown {
    if (typeof item === 'string' && item[0] === '\0') {
      marks[count++] = { owner: this, key, text: item };
    }
    return item;
  }
  if (!kept.includes(text, '\\u0000')) return kept.parse(text);
  const root = kept.parse(text, find);
  for (let at = 0; at < count; at++) {
    const { owner, key, text: marked } = marks[at] as (typeof marks)[number];
    const rest = kept.slice(marked, 2);
    owner[key] = marked[1] === 'u' ? undefined : marked[1] === 's' ? `\0${rest}` : host.take(+rest);
  }
  return root;
}
