/**
 * A key where it lies: in a caller's array or in a slab. One mutable object is reused for many
 * look-ups, so that a read allocates nothing for its key. It is valid until the memory below
 * changes.
 */
import { emptyBytes } from '@coco/base';

export class KeySlice {
  bytes: Uint8Array = emptyBytes;
  at = 0;
  length = 0;

  ofArray(key: Uint8Array): this {
    this.bytes = key;
    this.at = 0;
    this.length = key.length;
    return this;
  }

  /** An array of its own, also where the bytes lie in a Buffer, whose slice would be a view. */
  copy(): Uint8Array {
    return Uint8Array.prototype.slice.call(this.bytes, this.at, this.at + this.length);
  }

  /**
   * The four bytes after `skip` as a number whose signed order is the order of the keys that share
   * the first `skip` bytes; equal numbers say nothing (a short key counts as padded by zeros).
   */
  hint(skip: number): number {
    const { bytes } = this;
    const at = this.at + skip;
    const rest = this.length - skip;
    if (rest >= 4) {
      const upper = ((bytes[at] as number) << 24) | ((bytes[at + 1] as number) << 16);
      const lower = ((bytes[at + 2] as number) << 8) | (bytes[at + 3] as number);
      return (upper | lower) ^ 0x8000_0000;
    }
    let hint = 0;
    for (let offset = 0; offset < rest; offset++) {
      hint |= (bytes[at + offset] as number) << (24 - 8 * offset);
    }
    return hint ^ 0x8000_0000;
  }

  isAbove(other: KeySlice): boolean {
    return compareSlices(this, other, 0) > 0;
  }

  /** Length of the common prefix with another key. */
  sharedWith(other: KeySlice): number {
    const shared = Math.min(this.length, other.length);
    for (let offset = 0; offset < shared; offset++) {
      if (this.bytes[this.at + offset] !== other.bytes[other.at + offset]) return offset;
    }
    return shared;
  }
}

/** Byte order of two keys that are known to share the first `from` bytes. */
export function compareSlices(left: KeySlice, right: KeySlice, from: number): number {
  const leftBytes = left.bytes;
  const rightBytes = right.bytes;
  const leftAt = left.at;
  const rightAt = right.at;
  const shared = Math.min(left.length, right.length);
  for (let offset = from; offset < shared; offset++) {
    const difference =
      (leftBytes[leftAt + offset] as number) - (rightBytes[rightAt + offset] as number);
    if (difference !== 0) return difference;
  }
  return left.length - right.length;
}
