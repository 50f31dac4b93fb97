/** Growing little-endian writer for wire and disk formats. */
import { assert } from './assert.ts';
import { cutBytes } from './bytes.ts';

const initialCapacity = 256;

export class ByteWriter {
  #bytes: Uint8Array;
  #view: DataView;
  #length = 0;

  constructor(capacity: number = initialCapacity) {
    this.#bytes = cutBytes(capacity);
    this.#view = viewOf(this.#bytes);
  }

  get length(): number {
    return this.#length;
  }

  u8(value: number): this {
    const at = this.#grow(1);
    this.#bytes[at] = value;
    return this;
  }

  u32(value: number): this {
    const at = this.#grow(4);
    this.#view.setUint32(at, value, true);
    return this;
  }

  /** A safe integer as u64. */
  u64(value: number): this {
    assert(Number.isSafeInteger(value) && value >= 0, 'a written u64 is a safe integer');
    const at = this.#grow(8);
    this.#view.setUint32(at, value % 0x1_0000_0000, true);
    this.#view.setUint32(at + 4, Math.floor(value / 0x1_0000_0000), true);
    return this;
  }

  raw(bytes: Uint8Array): this {
    const at = this.#grow(bytes.length);
    this.#bytes.set(bytes, at);
    return this;
  }

  /** u64 length, then the bytes. */
  sized(bytes: Uint8Array): this {
    return this.u64(bytes.length).raw(bytes);
  }

  /** The bytes written so far, see `cutBytes`; a view that the next write may detach. */
  done(): Uint8Array {
    return this.#bytes.subarray(0, this.#length);
  }

  #grow(count: number): number {
    const at = this.#length;
    this.#length += count;
    if (this.#length > this.#bytes.length) {
      const larger = cutBytes(Math.max(this.#bytes.length * 2, this.#length));
      larger.set(this.#bytes.subarray(0, at));
      this.#bytes = larger;
      this.#view = viewOf(larger);
    }
    return at;
  }
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
