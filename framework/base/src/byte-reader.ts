/** Bounds-checked little-endian reader of untrusted bytes. */
import { refuse } from './errors.ts';

export class ByteReader {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  get position(): number {
    return this.#at;
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

  /** @throws InvalidInput when the u64 exceeds the safe integers. */
  u64(): number {
    const at = this.#take(8);
    const high = this.#view.getUint32(at + 4, true);
    if (high > 0x1f_ffff) throw refuse('InvalidInput', 'A u64 exceeds 2^53.', { at });
    return this.#view.getUint32(at, true) + high * 0x1_0000_0000;
  }

  /** A view of the next bytes, not a copy. */
  raw(length: number): Uint8Array {
    const at = this.#take(length);
    return this.#bytes.subarray(at, at + length);
  }

  /** u64 length, then the bytes (a view). */
  sized(): Uint8Array {
    return this.raw(this.u64());
  }

  /** @throws InvalidInput when bytes are left over. */
  end(): void {
    if (this.remaining > 0) {
      throw refuse('InvalidInput', 'Bytes are left after the value.', { at: this.#at });
    }
  }

  #take(count: number): number {
    const at = this.#at;
    if (count > this.#bytes.length - at) {
      throw refuse('InvalidInput', 'The bytes end before the value.', { at, count });
    }
    this.#at = at + count;
    return at;
  }
}
