/**
 * Memory outside V8's heap: blocks of fixed size classes in chunks of 256 KiB, each chunk one
 * ArrayBuffer of one class. Allocation and release take constant time, nothing is ever moved or
 * resized, and a chunk whose last block is released serves any other class: so memory follows the
 * live data, and no step pauses. (The slab allocator: Bonwick, USENIX 1994.)
 *
 * A pointer is an int32: chunk number in the upper 17 bits, 8-byte granule in the lower 15. Pointer
 * 0 is nothing (chunk 0 does not exist). The caller releases each block once and follows no pointer
 * to a released one.
 */
import { assert, present } from '@coco/base';

const chunkBytes = 256 * 1024;
const granuleBytes = 8;
const chunkGranules = chunkBytes / granuleBytes;
export const granuleBits = 15;
export const granuleMask: number = chunkGranules - 1;
/** Empty chunks kept for the next use rather than given back: 16 MiB. */
const spareChunksMax = 64;
const nothingFree = -1;

/** Up to this size each granule count is a class of its own. */
const smallGranulesMax = 32;
/** Block sizes in granules: each 8 bytes up to 256, then four steps for each doubling, to 128 KiB. */
const classGranules: readonly number[] = sizeClasses();
export const blockBytesMax: number = (classGranules.at(-1) ?? 0) * granuleBytes;

function sizeClasses(): number[] {
  const sizes = Array.from({ length: smallGranulesMax }, (_, at) => at + 1);
  for (let base = smallGranulesMax; base < chunkGranules / 2; base *= 2) {
    for (let step = 5; step <= 8; step++) sizes.push((base * step) / 4);
  }
  return sizes;
}

function classOf(byteLength: number): number {
  const granules = (byteLength + granuleBytes - 1) >>> 3;
  if (granules <= smallGranulesMax) return Math.max(granules - 1, 0);
  // Four classes for each doubling: the two bits below the leading one name the class.
  const above = granules - 1;
  const doubling = 31 - Math.clz32(above);
  return smallGranulesMax + (doubling - 5) * 4 + ((above >>> (doubling - 2)) & 3);
}

export class SlabMemory {
  /** Views of the chunks, by chunk number; read and written by the layouts on top. */
  readonly words: Int32Array[] = [new Int32Array(0)];
  readonly bytes: Uint8Array[] = [new Uint8Array(0)];
  readonly #chunksMax: number;
  readonly #classOfChunk: Uint8Array;
  /** Live blocks, first released block (granule or nothingFree), first never-used granule. */
  readonly #live: Uint16Array;
  readonly #released: Int32Array;
  readonly #unused: Int32Array;
  /** Invariant: the chunks of a class that have room form a doubly linked list from #withRoom. */
  readonly #next: Int32Array;
  readonly #previous: Int32Array;
  readonly #withRoom: Int32Array = new Int32Array(classGranules.length);
  readonly #spare: number[] = [];
  readonly #numbersGivenBack: number[] = [];
  #chunkCount = 0;
  #liveBytes = 0;

  constructor(bytesMax: number) {
    this.#chunksMax = Math.ceil(bytesMax / chunkBytes) + spareChunksMax;
    this.#classOfChunk = new Uint8Array(this.#chunksMax + 1);
    this.#live = new Uint16Array(this.#chunksMax + 1);
    this.#released = new Int32Array(this.#chunksMax + 1);
    this.#unused = new Int32Array(this.#chunksMax + 1);
    this.#next = new Int32Array(this.#chunksMax + 1);
    this.#previous = new Int32Array(this.#chunksMax + 1);
  }

  /** Bytes of all blocks in use. */
  get liveBytes(): number {
    return this.#liveBytes;
  }

  /** Bytes of all chunks, spare ones included. */
  get reservedBytes(): number {
    return this.#chunkCount * chunkBytes;
  }

  /** Bytes of spare chunks. */
  get spareBytes(): number {
    return this.#spare.length * chunkBytes;
  }

  /** What a block for `byteLength` bytes takes. */
  static blockBytes(byteLength: number): number {
    return (classGranules[classOf(byteLength)] as number) * granuleBytes;
  }

  /**
   * More than enough memory for blocks that take `blockBytes` together: chunks may be filled to two
   * thirds only (the largest classes), and each class may open one chunk.
   */
  static reserveFor(blockBytes: number, blockCount: number): number {
    return blockBytes * 1.5 + Math.min(blockCount, classGranules.length) * chunkBytes;
  }

  /** A block of at least `byteLength` bytes; its content is arbitrary. */
  allocate(byteLength: number): number {
    const sizeClass = classOf(byteLength);
    const granules = classGranules[sizeClass] as number;
    const chunk = this.#withRoom[sizeClass] || this.#openChunk(sizeClass);
    let at = this.#released[chunk] as number;
    if (at === nothingFree) {
      at = this.#unused[chunk] as number;
      this.#unused[chunk] = at + granules;
    } else {
      this.#released[chunk] = (this.words[chunk] as Int32Array)[at << 1] as number;
    }
    this.#live[chunk] = (this.#live[chunk] as number) + 1;
    this.#liveBytes += granules * granuleBytes;
    if (!this.#hasRoom(chunk, granules)) this.#unlink(chunk, sizeClass);
    return (chunk << granuleBits) | at;
  }

  release(pointer: number): void {
    const chunk = pointer >>> granuleBits;
    const at = pointer & granuleMask;
    const sizeClass = this.#classOfChunk[chunk] as number;
    const granules = classGranules[sizeClass] as number;
    const live = this.#live[chunk] as number;
    assert(live > 0, 'a released block was in use');
    if (!this.#hasRoom(chunk, granules)) this.#link(chunk, sizeClass);
    (this.words[chunk] as Int32Array)[at << 1] = this.#released[chunk] as number;
    this.#released[chunk] = at;
    this.#live[chunk] = live - 1;
    this.#liveBytes -= granules * granuleBytes;
    if (live === 1) this.#closeChunk(chunk, sizeClass);
  }

  #hasRoom(chunk: number, granules: number): boolean {
    if (this.#released[chunk] !== nothingFree) return true;
    return (this.#unused[chunk] as number) + granules <= chunkGranules;
  }

  #openChunk(sizeClass: number): number {
    const chunk = this.#spare.pop() ?? this.#newChunk();
    this.#classOfChunk[chunk] = sizeClass;
    this.#live[chunk] = 0;
    this.#released[chunk] = nothingFree;
    this.#unused[chunk] = 0;
    this.#link(chunk, sizeClass);
    return chunk;
  }

  #newChunk(): number {
    const chunk = this.#numbersGivenBack.pop() ?? this.words.length;
    assert(chunk <= this.#chunksMax, 'the store checked its limit before it allocated');
    const buffer = new ArrayBuffer(chunkBytes);
    this.words[chunk] = new Int32Array(buffer);
    this.bytes[chunk] = new Uint8Array(buffer);
    this.#chunkCount++;
    return chunk;
  }

  #closeChunk(chunk: number, sizeClass: number): void {
    this.#unlink(chunk, sizeClass);
    if (this.#spare.length < spareChunksMax) {
      this.#spare.push(chunk);
      return;
    }
    this.words[chunk] = present(this.words[0], 'chunk 0 stands for nothing');
    this.bytes[chunk] = present(this.bytes[0], 'chunk 0 stands for nothing');
    this.#numbersGivenBack.push(chunk);
    this.#chunkCount--;
  }

  #link(chunk: number, sizeClass: number): void {
    const first = this.#withRoom[sizeClass] as number;
    this.#next[chunk] = first;
    this.#previous[chunk] = 0;
    if (first !== 0) this.#previous[first] = chunk;
    this.#withRoom[sizeClass] = chunk;
  }

  #unlink(chunk: number, sizeClass: number): void {
    const next = this.#next[chunk] as number;
    const previous = this.#previous[chunk] as number;
    if (previous === 0) this.#withRoom[sizeClass] = next;
    else this.#next[previous] = next;
    if (next !== 0) this.#previous[next] = previous;
  }
}
