/**
 * One level of the tree: the hashes of its whole nodes, back to back in one buffer, so that a pair
 * of siblings is one 64-byte slice and hashing it copies nothing. Nodes below `base` are forgotten.
 */
import { assert } from '@coco/base';

/** Bytes of a SHA-256. */
export const hashBytes = 32;
const capacityMin = 32;

export class NodeLevel {
  /** Invariant: even, so that siblings are both here or both forgotten. */
  #base = 0;
  /** Invariant: base <= count. Nodes base..count-1 are in the buffer. */
  #count = 0;
  #buffer: Uint8Array = new Uint8Array(capacityMin * hashBytes);

  get base(): number {
    return this.#base;
  }

  get count(): number {
    return this.#count;
  }

  /** Starts an empty level whose first stored node is `base`. */
  startAt(base: number): void {
    assert(this.#count === this.#base, 'only an empty level moves its start');
    assert(base % 2 === 0, 'a level starts at an even node');
    this.#base = base;
    this.#count = base;
  }

  push(hash: Uint8Array): void {
    assert(hash.length === hashBytes, 'a node is a SHA-256');
    const at = (this.#count - this.#base) * hashBytes;
    if (at === this.#buffer.length) {
      const larger = new Uint8Array(this.#buffer.length * 2);
      larger.set(this.#buffer);
      this.#buffer = larger;
    }
    this.#buffer.set(hash, at);
    this.#count += 1;
  }

  /** A view of one node; the next push or forget may move it. */
  node(index: number): Uint8Array {
    return this.#slice(index, 1);
  }

  /** A view of nodes 2 * index and 2 * index + 1: what their parent `index` hashes. */
  pair(index: number): Uint8Array {
    return this.#slice(2 * index, 2);
  }

  /** A view of nodes from..to-1. */
  range(from: number, to: number): Uint8Array {
    return this.#slice(from, to - from);
  }

  truncate(count: number): void {
    if (count >= this.#count) return;
    assert(count >= this.#base, 'a level is not cut below what it forgot');
    this.#count = count;
  }

  /** Drops nodes below `index` (rounded down to an even one), when that frees half the buffer. */
  forget(index: number): void {
    const base = index - (index % 2);
    const dropped = base - this.#base;
    if (dropped <= 0 || dropped * 2 * hashBytes < this.#buffer.length) return;
    const kept = this.range(base, this.#count);
    const capacity = Math.max(capacityMin * hashBytes, 2 * kept.length);
    const buffer = new Uint8Array(capacity);
    buffer.set(kept);
    this.#buffer = buffer;
    this.#base = base;
  }

  #slice(index: number, length: number): Uint8Array {
    assert(index >= this.#base && index + length <= this.#count, 'the node is in the level');
    const at = (index - this.#base) * hashBytes;
    return this.#buffer.subarray(at, at + length * hashBytes);
  }
}
