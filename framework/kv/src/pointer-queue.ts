/**
 * A queue of int32 that takes at the back and gives at both ends, in blocks outside the heap: it
 * grows and shrinks by one block, so no step copies what it holds.
 */
import { assert, present } from '@coco/base';

const blockLength = 1024;

export class PointerQueue {
  #blocks: Int32Array[] = [];
  /** Invariant: #from and #to are positions counted from the start of the first block. */
  #from = 0;
  #to = 0;

  get length(): number {
    return this.#to - this.#from;
  }

  push(pointer: number): void {
    const block = Math.floor(this.#to / blockLength);
    if (block === this.#blocks.length) this.#blocks.push(new Int32Array(blockLength));
    (this.#blocks[block] as Int32Array)[this.#to % blockLength] = pointer;
    this.#to++;
  }

  /** The pointer `offset` places after the first. */
  at(offset: number): number {
    assert(offset >= 0 && offset < this.length, 'the queue has such a place');
    const position = this.#from + offset;
    const block = present(this.#blocks[Math.floor(position / blockLength)], 'the block is there');
    return block[position % blockLength] as number;
  }

  first(): number {
    return this.at(0);
  }

  last(): number {
    return this.at(this.length - 1);
  }

  dropFirst(): void {
    assert(this.length > 0, 'the queue is not empty');
    this.#from++;
    if (this.#from === this.#to) this.#reset();
    else if (this.#from === blockLength) {
      this.#blocks.shift();
      this.#from = 0;
      this.#to -= blockLength;
    }
  }

  dropLast(): void {
    assert(this.length > 0, 'the queue is not empty');
    this.#to--;
    if (this.#from === this.#to) this.#reset();
    else if (this.#blocks.length - 1 > Math.ceil(this.#to / blockLength)) this.#blocks.pop();
  }

  #reset(): void {
    this.#from = 0;
    this.#to = 0;
    // One block stays, so that a queue that empties often does not allocate each time.
    if (this.#blocks.length > 1) this.#blocks.length = 1;
  }
}
