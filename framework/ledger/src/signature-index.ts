/** The seqnos of signature entries, ascending: which signature covers an entry. */
import { assert, type Seqno } from '@coco/base';

export class SignatureIndex {
  #seqnos: Seqno[] = [];

  get last(): Seqno | undefined {
    return this.#seqnos.at(-1);
  }

  add(seqno: Seqno): void {
    assert((this.#seqnos.at(-1) ?? 0) < seqno, 'signatures come in order');
    this.#seqnos.push(seqno);
  }

  /** Puts the signatures of the ledger before these in front. */
  prepend(older: SignatureIndex): void {
    const first = this.#seqnos[0];
    const before = older.#seqnos.filter((seqno) => first === undefined || seqno < first);
    this.#seqnos = [...before, ...this.#seqnos];
  }

  /** Drops signatures after `seqno`. */
  truncate(seqno: Seqno): void {
    this.#seqnos.length = this.#position(seqno);
  }

  /** The first signature after `seqno`. */
  after(seqno: Seqno): Seqno | undefined {
    return this.#seqnos[this.#position(seqno)];
  }

  /** The last signature up to `seqno`. */
  upTo(seqno: Seqno): Seqno | undefined {
    return this.#seqnos[this.#position(seqno) - 1];
  }

  /** The number of signatures up to `seqno`. */
  #position(seqno: Seqno): number {
    let [low, high] = [0, this.#seqnos.length];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#seqnos[middle] as number) <= seqno) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
