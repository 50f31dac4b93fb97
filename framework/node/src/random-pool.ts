/**
 * Random bytes fetched in bulk: a call into OpenSSL costs more than the 32 bytes that one Ethereum
 * transaction takes of it. Each byte is handed out once and wiped here when it is.
 */
import type { Random } from '@coco/base';

const poolBytes = 4096;
/** Whoever wants more at once is served apart: keys and the like are few. */
const pooledBytesMax = 64;

export class RandomPool implements Random {
  readonly #source: (length: number) => Uint8Array;
  #pool: Uint8Array = new Uint8Array(0);
  /** Invariant: everything before it is handed out and wiped. */
  #at = 0;

  /** @param source fresh random bytes of any length, in an array of their own */
  constructor(source: (length: number) => Uint8Array) {
    this.#source = source;
  }

  bytes(length: number): Uint8Array {
    if (length > pooledBytesMax) return this.#source(length);
    if (this.#at + length > this.#pool.length) {
      this.#pool = this.#source(poolBytes);
      this.#at = 0;
    }
    const end = this.#at + length;
    const bytes = new Uint8Array(this.#pool.subarray(this.#at, end));
    this.#pool.fill(0, this.#at, end);
    this.#at = end;
    return bytes;
  }
}
