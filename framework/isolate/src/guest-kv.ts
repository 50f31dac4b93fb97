/**
 * `ccf.kv` inside the isolate: maps of ArrayBuffers, with the checks of arguments and the texts of
 * CCF (facts on CCF, section 6). What a script may do with which map is decided outside. See
 * guest-values.ts for what code here must obey.
 */
import { asBuffer, type GuestHost, type Kept } from './guest-values.ts';

/** Names of the operations; map-operations.ts has the other end. */
type MapOperation =
  | 'get'
  | 'has'
  | 'set'
  | 'delete'
  | 'clear'
  | 'size'
  | 'versionOf'
  | 'open'
  | 'next'
  | 'close';

export function makeKv(kept: Kept, host: GuestHost): object {
  const handleOf = makeMapHandles(kept, host);
  return new Proxy(
    {},
    {
      get: (_target, name) => (typeof name === 'string' ? handleOf(name) : undefined),
      has: (_target, name) => typeof name === 'string',
      set: () => false,
      defineProperty: () => false,
      deleteProperty: () => false,
    },
  );
}

export function makeMapHandles(kept: Kept, host: GuestHost): (name: string) => object {
  const ask = (operation: MapOperation, ...args: unknown[]): unknown => {
    const answer = kept.apply(host.kv, undefined, [operation, ...args]);
    if (typeof answer === 'string') throwRefusal(kept, answer);
    return answer;
  };
  class MapHandle {
    readonly #name: string;
    constructor(name: string) {
      this.#name = name;
    }
    has(...args: unknown[]): unknown {
      return ask('has', this.#name, onlyBuffer(kept, args));
    }
    get(...args: unknown[]): unknown {
      return ask('get', this.#name, onlyBuffer(kept, args));
    }
    getVersionOfPreviousWrite(...args: unknown[]): unknown {
      return ask('versionOf', this.#name, onlyBuffer(kept, args));
    }
    delete(...args: unknown[]): void {
      ask('delete', this.#name, onlyBuffer(kept, args));
    }
    set(...args: unknown[]): this {
      // CCF's own constitution writes a new member's acknowledgement without a value, where no
      // signature stands in the table that it looks into: that row is empty.
      const isEmpty = args.length === 1;
      if (!isEmpty) expectCount(kept, args, 2);
      const key = asBuffer(kept, args[0]);
      const value = isEmpty && key ? kept.sliceBytes(key, 0, 0) : asBuffer(kept, args[1]);
      if (key === undefined || value === undefined) {
        throw new kept.TypeError('Arguments must be ArrayBuffers');
      }
      ask('set', this.#name, key, value);
      return this;
    }
    clear(...args: unknown[]): void {
      expectCount(kept, args, 0);
      ask('clear', this.#name);
    }
    get size(): unknown {
      return ask('size', this.#name);
    }
    forEach(...args: unknown[]): void {
      expectCount(kept, args, 1);
      const [visit] = args;
      if (typeof visit !== 'function') throw new kept.TypeError('Argument must be a function');
      visitRows(kept, { ask, name: this.#name }, (key, value) => {
        kept.apply(visit, undefined, [value, key, this]);
      });
    }
  }
  return (name) => new MapHandle(name);
}

/** All rows as they were when it began, a page at a time. */
export function visitRows(
  kept: Kept,
  map: { ask: (operation: MapOperation, ...args: unknown[]) => unknown; name: string },
  visit: (key: ArrayBuffer, value: ArrayBuffer) => void,
): void {
  let page = map.ask('open', map.name) as ArrayBuffer;
  let cursor = 0;
  let isDone = false;
  try {
    for (;;) {
      const view = new kept.DataView(page);
      cursor = kept.u32(view, 0, true);
      const end = kept.byteLength(page);
      for (let at = 4; at < end; ) {
        const keyAt = at + 8;
        const valueAt = keyAt + kept.u32(view, at, true);
        const rowEnd = valueAt + kept.u32(view, at + 4, true);
        visit(kept.sliceBytes(page, keyAt, valueAt), kept.sliceBytes(page, valueAt, rowEnd));
        at = rowEnd;
      }
      if (cursor === 0) break;
      page = map.ask('next', cursor) as ArrayBuffer;
    }
    isDone = true;
  } finally {
    if (!isDone && cursor !== 0) map.ask('close', cursor);
  }
}

export function expectCount(kept: Kept, args: unknown[], count: number): void {
  if (args.length !== count) {
    throw new kept.TypeError(`Passed ${args.length} arguments, but expected ${count}`);
  }
}

export function onlyBuffer(kept: Kept, args: unknown[]): ArrayBuffer {
  expectCount(kept, args, 1);
  const buffer = asBuffer(kept, args[0]);
  if (buffer === undefined) throw new kept.TypeError('Argument must be an ArrayBuffer');
  return buffer;
}

/** The host refuses with a letter for the kind of error, then its message. */
export function throwRefusal(kept: Kept, text: string): never {
  const message = kept.slice(text, 1);
  if (text[0] === 'T') throw new kept.TypeError(message);
  if (text[0] === 'R') throw new kept.RangeError(message);
  throw new kept.Error(message);
}
