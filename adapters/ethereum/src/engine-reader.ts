/**
 * Reads one result of the engine out of its memory. Every byte field is copied, because the memory
 * is reused by the next call and detached when it grows.
 */
import { assert } from '@coco/base';

export class EngineReader {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  #at = 0;

  /** `bytes` is the engine's memory between the result's bounds. */
  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  get remaining(): number {
    return this.#bytes.length - this.#at;
  }

  u8(): number {
    return this.#view.getUint8(this.#take(1));
  }

  u32(): number {
    return this.#view.getUint32(this.#take(4), true);
  }

  u64(): bigint {
    return this.#view.getBigUint64(this.#take(8), true);
  }

  u128(): bigint {
    const at = this.#take(16);
    return (this.#view.getBigUint64(at) << 64n) | this.#view.getBigUint64(at + 8);
  }

  u256(): bigint {
    return readU256(this.#view, this.#take(32));
  }

  fixed(length: number): Uint8Array {
    const at = this.#take(length);
    return this.#bytes.slice(at, at + length);
  }

  sized(): Uint8Array {
    return this.fixed(this.u32());
  }

  /** A reader of the next sized bytes, which are not copied. */
  part(): EngineReader {
    const length = this.u32();
    const at = this.#take(length);
    return new EngineReader(this.#bytes.subarray(at, at + length));
  }

  rest(): Uint8Array {
    return this.fixed(this.remaining);
  }

  skip(length: number): void {
    this.#take(length);
  }

  list<Item>(item: () => Item): Item[] {
    const items: Item[] = [];
    for (let left = this.u32(); left > 0; left--) items.push(item());
    return items;
  }

  end(): void {
    assert(this.remaining === 0, 'The engine result is read to its end.');
  }

  #take(count: number): number {
    const at = this.#at;
    assert(count <= this.#bytes.length - at, 'The engine result holds what its layout says.');
    this.#at = at + count;
    return at;
  }
}

/** Reads a u256, big-endian. */
function readU256(view: DataView, at: number): bigint {
  const low = view.getBigUint64(at + 24);
  const third = view.getBigUint64(at + 16);
  const second = view.getBigUint64(at + 8);
  const first = view.getBigUint64(at);
  if ((first | second | third) === 0n) return low;
  return (first << 192n) | (second << 128n) | (third << 64n) | low;
}
