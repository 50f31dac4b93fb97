/**
 * The page of a KeyTree: layout and search. Pages lie in SlabMemory.
 *
 * | word | leaf (level 0) | inner page |
 * | --- | --- | --- |
 * | 0 | count | count |
 * | 1 | level | level |
 * | 2 | skip | skip |
 * | 4.. | hints of the keys | hints of the separators (the first is unused) |
 * | 68.. | pointers to records | pointers to pages |
 * | 132.. | - | pointers to separators (the first is unused) |
 *
 * Every key below a page shares its first `skip` bytes, so a look-up compares the next four as one
 * number (the hint), which stands in the page, and touches a record only where hints are equal.
 * (Prefix truncation by fence keys: Graefe, Modern B-Tree Techniques, 2011, section 3.5.)
 */
import { compareSlices, KeySlice } from './key-slice.ts';
import type { RecordHeap } from './record-heap.ts';
import { granuleBits, granuleMask, type SlabMemory } from './slab-memory.ts';

/** Entries of a page. 32, 64 and 128 look up a million keys alike; 64 wastes least. */
export const pageEntriesMax = 64;
/** A page below this is joined with its neighbour or filled up from it. */
export const pageEntriesMin = 16;
export const levelWord = 1;
export const skipWord = 2;
export const hintsWord = 4;
export const referencesWord: number = hintsWord + pageEntriesMax;
export const separatorsWord: number = referencesWord + pageEntriesMax;
export const leafBytes: number = separatorsWord * 4;
export const innerBytes: number = (separatorsWord + pageEntriesMax) * 4;

/** Reads and searches pages; the two slices are its scratch space. */
export class PageReader {
  readonly memory: SlabMemory;
  readonly records: RecordHeap;
  readonly #found = new KeySlice();

  constructor(memory: SlabMemory, records: RecordHeap) {
    this.memory = memory;
    this.records = records;
  }

  words(page: number): Int32Array {
    return this.memory.words[page >>> granuleBits] as Int32Array;
  }

  /** Points `slice` at a separator: u32 length, then the bytes. */
  separator(pointer: number, slice: KeySlice): KeySlice {
    const chunk = pointer >>> granuleBits;
    const at = (pointer & granuleMask) << 1;
    slice.bytes = this.memory.bytes[chunk] as Uint8Array;
    slice.at = (at << 2) + 4;
    slice.length = (this.memory.words[chunk] as Int32Array)[at] as number;
    return slice;
  }

  createSeparator(key: KeySlice, length: number): number {
    const pointer = this.memory.allocate(4 + length);
    const chunk = pointer >>> granuleBits;
    const at = (pointer & granuleMask) << 1;
    (this.memory.words[chunk] as Int32Array)[at] = length;
    const source = key.bytes.subarray(key.at, key.at + length);
    (this.memory.bytes[chunk] as Uint8Array).set(source, (at << 2) + 4);
    return pointer;
  }

  /** The child that holds the key: the last whose separator is at most the key. */
  childIndex(page: number, key: KeySlice): number {
    const words = this.words(page);
    const base = (page & granuleMask) << 1;
    const skip = words[base + skipWord] as number;
    const hint = key.hint(skip);
    let low = 1;
    let high = words[base] as number;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const other = words[base + hintsWord + middle] as number;
      let isAtMost = other < hint;
      if (other === hint) {
        const separator = words[base + separatorsWord + middle] as number;
        isAtMost = compareSlices(this.separator(separator, this.#found), key, skip) <= 0;
      }
      if (isAtMost) low = middle + 1;
      else high = middle;
    }
    return low - 1;
  }

  /** In a leaf, the place of the first key that is not below `key`. */
  leafIndex(page: number, key: KeySlice): number {
    const words = this.words(page);
    const base = (page & granuleMask) << 1;
    const skip = words[base + skipWord] as number;
    const hint = key.hint(skip);
    let low = 0;
    let high = words[base] as number;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const other = words[base + hintsWord + middle] as number;
      let isBelow = other < hint;
      if (other === hint) {
        const record = words[base + referencesWord + middle] as number;
        isBelow = compareSlices(this.records.key(record, this.#found), key, skip) < 0;
      }
      if (isBelow) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** The record at a place of a leaf if it has exactly this key, else 0. */
  recordAt(page: number, index: number, key: KeySlice): number {
    const words = this.words(page);
    const base = (page & granuleMask) << 1;
    if (index >= (words[base] as number)) return 0;
    const skip = words[base + skipWord] as number;
    // A key in the next page's range compares unequal too: its hint need not be looked at.
    const record = words[base + referencesWord + index] as number;
    const found = this.records.key(record, this.#found);
    return found.length === key.length && compareSlices(found, key, skip) === 0 ? record : 0;
  }
}
