/**
 * The writes of a transaction to one map, over a state that does not change. Keys are also held
 * as latin-1 text, whose order is the order of the bytes and which JavaScript's Map can look up.
 * The order is built only when a range needs it, in blocks, so that one more key costs little.
 */
import { present } from '@coco/base';

/** What the transaction wrote for a key; a value of undefined removes it. */
export interface OwnWrite {
  readonly key: Uint8Array;
  readonly value: Uint8Array | undefined;
  /** How many savepoints the transaction had made when it was written. */
  readonly epoch: number;
}

const blockLengthMax = 256;

export function keyText(key: Uint8Array): string {
  return Buffer.from(key.buffer, key.byteOffset, key.byteLength).toString('latin1');
}

export class WriteOverlay {
  readonly #writes = new Map<string, OwnWrite>();
  /** Every text once written, sorted, in blocks; texts no longer in #writes are passed over. */
  #blocks: string[][] | undefined;

  get count(): number {
    return this.#writes.size;
  }

  get(text: string): OwnWrite | undefined {
    return this.#writes.get(text);
  }

  /** Sets what is written for a key; returns what was. */
  put(text: string, write: OwnWrite | undefined): OwnWrite | undefined {
    const former = this.#writes.get(text);
    if (write === undefined) this.#writes.delete(text);
    else this.#writes.set(text, write);
    if (write !== undefined && former === undefined && this.#blocks !== undefined) {
      this.#order(this.#blocks, text);
    }
    return former;
  }

  /** The writes in byte order of their keys. */
  sorted(): OwnWrite[] {
    const texts = [...this.#writes.keys()].sort();
    return texts.map((text) => present(this.#writes.get(text), 'a written key has its write'));
  }

  values(): Iterable<OwnWrite> {
    return this.#writes.values();
  }

  /** The first written key after `text` (or at it, if `orAt`), by byte order; undefined: none. */
  after(text: string, orAt: boolean): string | undefined {
    const blocks = (this.#blocks ??= this.#sortedBlocks());
    const { block, index } = place(blocks, text);
    for (let at = block; at < blocks.length; at++) {
      const texts = blocks[at] as string[];
      for (let inside = at === block ? index : 0; inside < texts.length; inside++) {
        const found = texts[inside] as string;
        if (this.#writes.has(found) && (orAt || found !== text)) return found;
      }
    }
    return undefined;
  }

  /** The last written key before `text`; without one the last of all. */
  before(text: string | undefined): string | undefined {
    const blocks = (this.#blocks ??= this.#sortedBlocks());
    const start = text === undefined ? { block: blocks.length, index: 0 } : place(blocks, text);
    for (let at = Math.min(start.block, blocks.length - 1); at >= 0; at--) {
      const texts = blocks[at] as string[];
      const end = at === start.block ? start.index : texts.length;
      for (let inside = end - 1; inside >= 0; inside--) {
        const found = texts[inside] as string;
        if (this.#writes.has(found)) return found;
      }
    }
    return undefined;
  }

  #sortedBlocks(): string[][] {
    const texts = [...this.#writes.keys()].sort();
    const blocks: string[][] = [];
    for (let at = 0; at < texts.length; at += blockLengthMax / 2) {
      blocks.push(texts.slice(at, at + blockLengthMax / 2));
    }
    return blocks;
  }

  #order(blocks: string[][], text: string): void {
    if (blocks.length === 0) blocks.push([]);
    const { block, index } = place(blocks, text);
    const texts = blocks[Math.min(block, blocks.length - 1)] as string[];
    const at = block === blocks.length ? texts.length : index;
    if (texts[at] === text) return;
    texts.splice(at, 0, text);
    if (texts.length <= blockLengthMax) return;
    const upper = texts.splice(texts.length >>> 1);
    blocks.splice(Math.min(block, blocks.length - 1) + 1, 0, upper);
  }
}

/** Where the first text lies that is not below `text`: one past the last block when none is. */
function place(blocks: readonly string[][], text: string): { block: number; index: number } {
  const block = firstAtLeast(blocks.length, (at) => {
    return present((blocks[at] as string[]).at(-1), 'a block is not empty') >= text;
  });
  const texts = blocks[block] ?? [];
  return { block, index: firstAtLeast(texts.length, (at) => (texts[at] as string) >= text) };
}

function firstAtLeast(count: number, isAtLeast: (at: number) => boolean): number {
  let low = 0;
  let high = count;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (isAtLeast(middle)) high = middle;
    else low = middle + 1;
  }
  return low;
}
