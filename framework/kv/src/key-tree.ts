/**
 * The ordered index of one map: a B+ tree whose leaves point to the newest record of each key.
 * Changed in place, outside the heap; every change touches a few pages, never all.
 *
 * Invariants: every key starts with #prefix; a page's skip is the length of the prefix that its
 * two fences share (the separators around it; an open fence counts as #prefix); pages but the root
 * have at least pageEntriesMin entries after a removal in them.
 *
 * The caller owns the records: the tree neither creates nor releases one.
 */
import { assert } from '@coco/base';
import { KeySlice } from './key-slice.ts';
import type { RecordHeap } from './record-heap.ts';
import { granuleMask, type SlabMemory } from './slab-memory.ts';
import {
  hintsWord,
  innerBytes,
  leafBytes,
  levelWord,
  PageReader,
  pageEntriesMax,
  pageEntriesMin,
  referencesWord,
  separatorsWord,
  skipWord,
} from './tree-page.ts';

/** Pages have at least 16 entries: 2^32 records need 8 levels. */
export const depthMax = 16;

/** Where a descent went: by level, the page, the place in it, and the fences of the page. */
interface Descent {
  readonly page: Int32Array;
  readonly index: Int32Array;
  readonly low: Int32Array;
  readonly high: Int32Array;
}

/** References (and separators) of one or two pages, taken out to be written anew. */
interface Gathered {
  readonly references: Int32Array;
  readonly separators: Int32Array;
  count: number;
}

/** Entries `from` to `to` of what was gathered, and the fences of the page that receives them. */
interface Part {
  readonly from: number;
  readonly to: number;
  readonly low: number;
  readonly high: number;
}

export class KeyTree {
  readonly pages: PageReader;
  readonly #memory: SlabMemory;
  readonly #records: RecordHeap;
  readonly #slice = new KeySlice();
  readonly #otherSlice = new KeySlice();
  readonly #path: Descent = {
    page: new Int32Array(depthMax),
    index: new Int32Array(depthMax),
    low: new Int32Array(depthMax),
    high: new Int32Array(depthMax),
  };
  readonly #gathered: Gathered = {
    references: new Int32Array(2 * pageEntriesMax),
    separators: new Int32Array(2 * pageEntriesMax),
    count: 0,
  };
  #prefix: Uint8Array = new Uint8Array(0);
  readonly #prefixSlice = new KeySlice();
  #root = 0;
  #keyCount = 0;
  #structureVersion = 0;

  constructor(memory: SlabMemory, records: RecordHeap) {
    this.#memory = memory;
    this.#records = records;
    this.pages = new PageReader(memory, records);
  }

  /** Keys in the tree, those included whose newest record is a removal. */
  get keyCount(): number {
    return this.#keyCount;
  }

  /** Changes whenever entries move, so that a cursor knows to seek again. */
  get structureVersion(): number {
    return this.#structureVersion;
  }

  /** The topmost page, or 0 when the tree is empty. */
  get root(): number {
    return this.#root;
  }

  /** Negative, zero, positive: where the key lies relative to all keys with the tree's prefix. */
  sideOfPrefix(key: KeySlice): number {
    const prefix = this.#prefix;
    const length = prefix.length;
    const { bytes, at } = key;
    for (let offset = 0; offset < length; offset++) {
      if (offset === key.length) return -1;
      const difference = (bytes[at + offset] as number) - (prefix[offset] as number);
      if (difference !== 0) return difference;
    }
    return 0;
  }

  /** The newest record of the key, or 0. */
  find(key: KeySlice): number {
    if (this.#root === 0 || this.sideOfPrefix(key) !== 0) return 0;
    const pages = this.pages;
    let page = this.#root;
    for (;;) {
      const words = pages.words(page);
      const base = (page & granuleMask) << 1;
      if (words[base + levelWord] === 0) break;
      page = words[base + referencesWord + pages.childIndex(page, key)] as number;
    }
    return pages.recordAt(page, pages.leafIndex(page, key), key);
  }

  /** Points the key at a record, whose key it must be; returns what it pointed at, or 0. */
  exchange(key: KeySlice, record: number): number {
    if (this.#root === 0) {
      this.#plant(key, record);
      return 0;
    }
    if (this.sideOfPrefix(key) !== 0) this.#shortenPrefix(key);
    const leaf = this.#descend(key);
    const index = this.pages.leafIndex(leaf, key);
    const former = this.pages.recordAt(leaf, index, key);
    if (former !== 0) {
      this.#set(leaf, referencesWord + index, record);
      return former;
    }
    this.#structureVersion++;
    this.#keyCount++;
    this.#insertAt(0, index, { reference: record, separator: 0 });
    return 0;
  }

  /** Takes out a key that is in the tree. */
  remove(key: KeySlice): void {
    this.#structureVersion++;
    const leaf = this.#descend(key);
    const index = this.pages.leafIndex(leaf, key);
    assert(this.pages.recordAt(leaf, index, key) !== 0, 'a removed key is in the tree');
    this.#keyCount--;
    this.#removeAt(0, index);
    if (this.#keyCount > 0) return;
    this.#memory.release(this.#root);
    this.#root = 0;
  }

  #plant(key: KeySlice, record: number): void {
    this.#structureVersion++;
    this.#keyCount++;
    this.#setPrefix(key.copy());
    this.#root = this.#memory.allocate(leafBytes);
    this.#take(0, record);
    this.#write(this.#root, 0, { from: 0, to: 1, low: 0, high: 0 });
  }

  #word(page: number, offset: number): number {
    return this.pages.words(page)[((page & granuleMask) << 1) + offset] as number;
  }

  #set(page: number, offset: number, value: number): void {
    this.pages.words(page)[((page & granuleMask) << 1) + offset] = value;
  }

  #setPrefix(prefix: Uint8Array): void {
    this.#prefix = prefix;
    this.#prefixSlice.ofArray(prefix);
  }

  /** Walks to the key's leaf and fills #path. */
  #descend(key: KeySlice): number {
    const path = this.#path;
    let page = this.#root;
    let low = 0;
    let high = 0;
    for (;;) {
      const level = this.#word(page, levelWord);
      path.page[level] = page;
      path.low[level] = low;
      path.high[level] = high;
      if (level === 0) return page;
      const index = this.pages.childIndex(page, key);
      path.index[level] = index;
      if (index > 0) low = this.#word(page, separatorsWord + index);
      if (index + 1 < this.#word(page, 0)) high = this.#word(page, separatorsWord + index + 1);
      page = this.#word(page, referencesWord + index);
    }
  }

  /** The prefix that all keys between two fences share; 0 is the open fence. */
  #skipOf(low: number, high: number): number {
    if (low === 0 || high === 0) return this.#prefix.length;
    const lowSlice = this.pages.separator(low, this.#slice);
    return lowSlice.sharedWith(this.pages.separator(high, this.#otherSlice));
  }

  #hintOf(level: number, index: number, skip: number): number {
    if (level === 0) {
      const record = this.#gathered.references[index] as number;
      return this.#records.key(record, this.#slice).hint(skip);
    }
    const separator = this.#gathered.separators[index] as number;
    return separator === 0 ? 0 : this.pages.separator(separator, this.#slice).hint(skip);
  }

  /** Writes a part of what was gathered as the page's new content. */
  #write(page: number, level: number, part: Part): void {
    const words = this.pages.words(page);
    const base = (page & granuleMask) << 1;
    const skip = this.#skipOf(part.low, part.high);
    words[base] = part.to - part.from;
    words[base + levelWord] = level;
    words[base + skipWord] = skip;
    for (let index = part.from; index < part.to; index++) {
      const at = base + index - part.from;
      words[at + hintsWord] = this.#hintOf(level, index, skip);
      words[at + referencesWord] = this.#gathered.references[index] as number;
      if (level > 0) words[at + separatorsWord] = this.#gathered.separators[index] as number;
    }
  }

  #take(at: number, reference: number, separator = 0): void {
    this.#gathered.references[at] = reference;
    this.#gathered.separators[at] = separator;
    this.#gathered.count = at + 1;
  }

  /** Appends a page's entries to what was gathered; `first` stands for its unused separator. */
  #gather(page: number, first: number): void {
    const count = this.#word(page, 0);
    const isInner = this.#word(page, levelWord) > 0;
    for (let index = 0; index < count; index++) {
      const own = isInner && index > 0 ? this.#word(page, separatorsWord + index) : 0;
      const separator = index === 0 ? first : own;
      this.#take(this.#gathered.count, this.#word(page, referencesWord + index), separator);
    }
  }

  /** Puts an entry into the page of the path at `level`, splitting it when full. */
  #insertAt(level: number, index: number, entry: { reference: number; separator: number }): void {
    const page = this.#path.page[level] as number;
    const count = this.#word(page, 0);
    if (count === pageEntriesMax) {
      this.#split(level, index, entry);
      return;
    }
    const words = this.pages.words(page);
    const base = (page & granuleMask) << 1;
    const skip = words[base + skipWord] as number;
    const hintAt = base + hintsWord;
    words.copyWithin(hintAt + index + 1, hintAt + index, hintAt + count);
    const referenceAt = base + referencesWord;
    words.copyWithin(referenceAt + index + 1, referenceAt + index, referenceAt + count);
    words[referenceAt + index] = entry.reference;
    if (level === 0) {
      words[hintAt + index] = this.#records.key(entry.reference, this.#slice).hint(skip);
    } else {
      const separatorAt = base + separatorsWord;
      words.copyWithin(separatorAt + index + 1, separatorAt + index, separatorAt + count);
      words[separatorAt + index] = entry.separator;
      words[hintAt + index] = this.pages.separator(entry.separator, this.#slice).hint(skip);
    }
    words[base] = count + 1;
  }

  #split(level: number, index: number, entry: { reference: number; separator: number }): void {
    const gathered = this.#gathered;
    const page = this.#path.page[level] as number;
    const low = this.#path.low[level] as number;
    const high = this.#path.high[level] as number;
    gathered.count = 0;
    this.#gather(page, 0);
    gathered.references.copyWithin(index + 1, index, gathered.count);
    gathered.separators.copyWithin(index + 1, index, gathered.count);
    gathered.references[index] = entry.reference;
    gathered.separators[index] = entry.separator;
    gathered.count++;
    // Keys that come in ascending order leave full pages behind.
    const isAppend = high === 0 && index === pageEntriesMax;
    const middle = isAppend ? pageEntriesMax - 1 : gathered.count >>> 1;
    const right = this.#memory.allocate(level === 0 ? leafBytes : innerBytes);
    const separator = this.#separatorAt(level, middle);
    this.#write(page, level, { from: 0, to: middle, low, high: separator });
    this.#write(right, level, { from: middle, to: gathered.count, low: separator, high });
    if (page === this.#root) {
      this.#growRoot(level + 1, { left: page, right, separator });
      return;
    }
    const parentIndex = this.#path.index[level + 1] as number;
    this.#insertAt(level + 1, parentIndex + 1, { reference: right, separator });
  }

  /** The separator before a gathered entry: taken out of an inner page, made for leaves. */
  #separatorAt(level: number, index: number): number {
    const { references, separators } = this.#gathered;
    if (level > 0) {
      const separator = separators[index] as number;
      separators[index] = 0;
      return separator;
    }
    const left = this.#records.key(references[index - 1] as number, this.#slice);
    const right = this.#records.key(references[index] as number, this.#otherSlice);
    return this.pages.createSeparator(right, left.sharedWith(right) + 1);
  }

  #growRoot(level: number, halves: { left: number; right: number; separator: number }): void {
    assert(level < depthMax, 'a tree has fewer than 16 levels');
    this.#root = this.#memory.allocate(innerBytes);
    this.#take(0, halves.left);
    this.#take(1, halves.right, halves.separator);
    this.#write(this.#root, level, { from: 0, to: 2, low: 0, high: 0 });
  }

  #removeAt(level: number, index: number): void {
    const page = this.#path.page[level] as number;
    const words = this.pages.words(page);
    const base = (page & granuleMask) << 1;
    const count = words[base] as number;
    for (const array of [hintsWord, referencesWord, separatorsWord]) {
      if (level === 0 && array === separatorsWord) continue;
      words.copyWithin(base + array + index, base + array + index + 1, base + array + count);
    }
    words[base] = count - 1;
    if (page === this.#root) {
      if (level > 0 && count === 2) {
        this.#root = words[base + referencesWord] as number;
        this.#memory.release(page);
      }
    } else if (count - 1 < pageEntriesMin) this.#balance(level);
  }

  /** Joins the path's page at `level` with a neighbour, or shares their entries evenly. */
  #balance(level: number): void {
    const parent = this.#path.page[level + 1] as number;
    const siblings = this.#word(parent, 0);
    const own = this.#path.index[level + 1] as number;
    const leftIndex = own + 1 < siblings ? own : own - 1;
    const left = this.#word(parent, referencesWord + leftIndex);
    const right = this.#word(parent, referencesWord + leftIndex + 1);
    const between = this.#word(parent, separatorsWord + leftIndex + 1);
    const low =
      leftIndex > 0
        ? this.#word(parent, separatorsWord + leftIndex)
        : (this.#path.low[level + 1] as number);
    const high =
      leftIndex + 2 < siblings
        ? this.#word(parent, separatorsWord + leftIndex + 2)
        : (this.#path.high[level + 1] as number);
    this.#gathered.count = 0;
    this.#gather(left, 0);
    this.#gather(right, level > 0 ? between : 0);
    const count = this.#gathered.count;
    if (count <= (pageEntriesMax * 3) / 4) {
      this.#write(left, level, { from: 0, to: count, low, high });
      this.#memory.release(right);
      if (level === 0) this.#memory.release(between);
      this.#removeAt(level + 1, leftIndex + 1);
      return;
    }
    const middle = count >>> 1;
    const separator = this.#separatorAt(level, middle);
    this.#write(left, level, { from: 0, to: middle, low, high: separator });
    this.#write(right, level, { from: middle, to: count, low: separator, high });
    this.#set(parent, separatorsWord + leftIndex + 1, separator);
    const hint = this.pages.separator(separator, this.#slice).hint(this.#word(parent, skipWord));
    this.#set(parent, hintsWord + leftIndex + 1, hint);
    if (level === 0) this.#memory.release(between);
  }

  /** A key without the prefix comes: pages with an open fence get a shorter skip. */
  #shortenPrefix(key: KeySlice): void {
    this.#setPrefix(this.#prefix.slice(0, this.#prefixSlice.sharedWith(key)));
    for (const isLeftEdge of [true, false]) {
      let page = this.#root;
      for (;;) {
        const level = this.#word(page, levelWord);
        const count = this.#word(page, 0);
        this.#gathered.count = 0;
        this.#gather(page, 0);
        this.#write(page, level, { from: 0, to: count, low: 0, high: 0 });
        if (level === 0) break;
        page = this.#word(page, referencesWord + (isLeftEdge ? 0 : count - 1));
      }
    }
  }
}
