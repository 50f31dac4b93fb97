/** Reproducible random bytes (xorshift32) for tests and the simulator; never for keys. */
import type { Random } from './ports.ts';

export class SeededRandom implements Random {
  #state: number;

  constructor(seed: number) {
    this.#state = seed >>> 0 || 1;
    for (let warmUp = 0; warmUp < 8; warmUp++) this.#next();
  }

  bytes(length: number): Uint8Array {
    const bytes = new Uint8Array(length);
    for (let at = 0; at < length; at++) bytes[at] = this.#next() & 0xff;
    return bytes;
  }

  /** A whole number from 0 to bound - 1. */
  below(bound: number): number {
    return this.#next() % bound;
  }

  #next(): number {
    let state = this.#state;
    state ^= state << 13;
    state >>>= 0;
    state ^= state >>> 17;
    state ^= state << 5;
    this.#state = state >>> 0;
    return this.#state;
  }
}
