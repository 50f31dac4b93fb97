/**
 * Records: one version of one key, in one block outside the heap. A record never changes but for
 * its link and its flags.
 *
 * | word | content |
 * | --- | --- |
 * | 0 | pointer to the record that this one supersedes, or 0 |
 * | 1 | seqno of the write, lower 32 bits |
 * | 2 | seqno, upper 21 bits; flags in bits 24 to 31 |
 * | 3 | key length in bits 0 to 16; map number in bits 17 to 31 |
 * | 4 | value length |
 * | 5.. | key, then value (or the u32 number of a large value, which lies in an array of its own) |
 */
import { assert, cutCopy, present, type Seqno } from '@coco/base';
import type { KeySlice } from './key-slice.ts';
import { granuleBits, granuleMask, SlabMemory } from './slab-memory.ts';

const headerBytes = 20;
/** Longer values get an ArrayBuffer of their own: blocks have at most 128 KiB. */
const inlineValueBytesMax = 32 * 1024;
const twoTo32 = 0x1_0000_0000;

/** The key is absent from this seqno on. */
const isRemoval = 1;
/** The value lies in an array of its own. */
const isLarge = 2;
/** A removal that a forgotten state's list will visit (see history.ts). */
export const awaitsVisit = 4;
/** A removal that no chain holds any more: the visit releases it. */
export const isDetached = 8;
/** A removal below commit whose log entry was dealt with. */
export const isSettled = 16;

export interface RecordContent {
  readonly mapNumber: number;
  readonly seqno: Seqno;
  readonly previous: number;
  /** undefined removes the key. */
  readonly value: Uint8Array | undefined;
}

export class RecordHeap {
  readonly #memory: SlabMemory;
  readonly #large: (Uint8Array | undefined)[] = [];
  readonly #largeNumbersFree: number[] = [];
  #largeBytes = 0;

  constructor(memory: SlabMemory) {
    this.#memory = memory;
  }

  /** Bytes of the values that lie in arrays of their own. */
  get largeBytes(): number {
    return this.#largeBytes;
  }

  /** What a record takes in slabs. */
  static blockBytes(keyLength: number, valueLength: number): number {
    const inline = valueLength > inlineValueBytesMax ? 4 : valueLength;
    return SlabMemory.blockBytes(headerBytes + keyLength + inline);
  }

  /** What a value takes beside the slabs. */
  static largeValueBytes(valueLength: number): number {
    return valueLength > inlineValueBytesMax ? valueLength : 0;
  }

  create(key: KeySlice, content: RecordContent): number {
    const { mapNumber, seqno, previous, value } = content;
    const valueLength = value === undefined ? 0 : value.length;
    const isOutside = valueLength > inlineValueBytesMax;
    const memory = this.#memory;
    const inlineLength = isOutside ? 4 : valueLength;
    const pointer = memory.allocate(headerBytes + key.length + inlineLength);
    const words = memory.words[pointer >>> granuleBits] as Int32Array;
    const bytes = memory.bytes[pointer >>> granuleBits] as Uint8Array;
    const at = (pointer & granuleMask) << 1;
    const flags = (value === undefined ? isRemoval : 0) | (isOutside ? isLarge : 0);
    words[at] = previous;
    words[at + 1] = (seqno % twoTo32) | 0;
    words[at + 2] = Math.floor(seqno / twoTo32) | (flags << 24);
    words[at + 3] = key.length | (mapNumber << 17);
    words[at + 4] = valueLength;
    const keyAt = (at << 2) + headerBytes;
    copyInto(bytes, keyAt, key);
    if (value === undefined) return pointer;
    if (isOutside) this.#writeLarge(bytes, keyAt + key.length, value);
    else if (valueLength > smallCopyMax) bytes.set(value, keyAt + key.length);
    else copySmall(bytes, keyAt + key.length, value);
    return pointer;
  }

  release(pointer: number): void {
    if ((this.flags(pointer) & isLarge) !== 0) {
      const number = this.#largeNumber(pointer);
      this.#largeBytes -= present(this.#large[number], 'a large value is there').length;
      this.#large[number] = undefined;
      this.#largeNumbersFree.push(number);
    }
    this.#memory.release(pointer);
  }

  previous(pointer: number): number {
    return this.#word(pointer, 0);
  }

  setPrevious(pointer: number, previous: number): void {
    const words = this.#memory.words[pointer >>> granuleBits] as Int32Array;
    words[(pointer & granuleMask) << 1] = previous;
  }

  seqno(pointer: number): Seqno {
    const words = this.#memory.words[pointer >>> granuleBits] as Int32Array;
    const at = (pointer & granuleMask) << 1;
    const lower = (words[at + 1] as number) >>> 0;
    return (lower + ((words[at + 2] as number) & 0x1f_ffff) * twoTo32) as Seqno;
  }

  flags(pointer: number): number {
    return this.#word(pointer, 2) >>> 24;
  }

  setFlags(pointer: number, flags: number): void {
    const words = this.#memory.words[pointer >>> granuleBits] as Int32Array;
    const at = ((pointer & granuleMask) << 1) + 2;
    words[at] = ((words[at] as number) & 0xff_ffff) | (flags << 24);
  }

  isRemoval(pointer: number): boolean {
    return (this.flags(pointer) & isRemoval) !== 0;
  }

  mapNumber(pointer: number): number {
    return this.#word(pointer, 3) >>> 17;
  }

  /** Points `slice` at the record's key. */
  key(pointer: number, slice: KeySlice): KeySlice {
    slice.bytes = this.#memory.bytes[pointer >>> granuleBits] as Uint8Array;
    slice.at = ((pointer & granuleMask) << 3) + headerBytes;
    slice.length = this.#word(pointer, 3) & 0x1_ffff;
    return slice;
  }

  /** A copy of the record's value. */
  value(pointer: number): Uint8Array {
    const chunk = pointer >>> granuleBits;
    const words = this.#memory.words[chunk] as Int32Array;
    const at = (pointer & granuleMask) << 1;
    if ((((words[at + 2] as number) >>> 24) & isLarge) !== 0) {
      return present(this.#large[this.#largeNumber(pointer)], 'a large value is there').slice();
    }
    const from = (at << 2) + headerBytes + ((words[at + 3] as number) & 0x1_ffff);
    const bytes = this.#memory.bytes[chunk] as Uint8Array;
    return cutCopy(bytes.subarray(from, from + (words[at + 4] as number)));
  }

  valueLength(pointer: number): number {
    return this.#word(pointer, 4);
  }

  #word(pointer: number, offset: number): number {
    const words = this.#memory.words[pointer >>> granuleBits] as Int32Array;
    return words[((pointer & granuleMask) << 1) + offset] as number;
  }

  #largeNumber(pointer: number): number {
    const bytes = this.#memory.bytes[pointer >>> granuleBits] as Uint8Array;
    const keyLength = this.#word(pointer, 3) & 0x1_ffff;
    const at = ((pointer & granuleMask) << 3) + headerBytes + keyLength;
    return new DataView(bytes.buffer, bytes.byteOffset + at, 4).getUint32(0, true);
  }

  #writeLarge(bytes: Uint8Array, at: number, value: Uint8Array): void {
    const number = this.#largeNumbersFree.pop() ?? this.#large.length;
    assert(this.#large[number] === undefined, 'the number of a new large value is free');
    this.#large[number] = new Uint8Array(value);
    this.#largeBytes += value.length;
    new DataView(bytes.buffer, bytes.byteOffset + at, 4).setUint32(0, number, true);
  }
}

/** Below this many bytes a loop is faster than TypedArray.set. */
const smallCopyMax = 64;

function copySmall(target: Uint8Array, at: number, source: Uint8Array): void {
  for (let offset = 0; offset < source.length; offset++) {
    target[at + offset] = source[offset] as number;
  }
}

function copyInto(target: Uint8Array, at: number, key: KeySlice): void {
  if (key.length > smallCopyMax) {
    target.set(key.bytes.subarray(key.at, key.at + key.length), at);
    return;
  }
  for (let offset = 0; offset < key.length; offset++) {
    target[at + offset] = key.bytes[key.at + offset] as number;
  }
}
