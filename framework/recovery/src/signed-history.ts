/**
 * The signatures of one copy of a ledger, in order: where each stands, and a digest of its entry.
 * A signature entry holds the Merkle tree over all before it, so two copies whose k-th signatures
 * are equal are equal up to there: where two part is found by bisection.
 */
import { asSeqno, asView, equalBytes, type TransactionId } from '@coco/base';
import { sha256 } from '@coco/crypto';

const digestBytes = 32;

export class SignedHistory {
  readonly #seqnos: number[] = [];
  readonly #views: number[] = [];
  #digests: Uint8Array = new Uint8Array(digestBytes * 1024);

  get count(): number {
    return this.#seqnos.length;
  }

  /** Takes the next signature entry. */
  add(id: TransactionId, entryBytes: Uint8Array): void {
    const at = this.count * digestBytes;
    if (at === this.#digests.length) {
      const larger = new Uint8Array(this.#digests.length * 2);
      larger.set(this.#digests);
      this.#digests = larger;
    }
    this.#digests.set(sha256(entryBytes), at);
    this.#seqnos.push(id.seqno);
    this.#views.push(id.view);
  }

  /** The id of the signature at `index`; undefined behind the last. */
  id(index: number): TransactionId | undefined {
    const [view, seqno] = [this.#views[index], this.#seqnos[index]];
    if (view === undefined || seqno === undefined) return undefined;
    return { view: asView(view), seqno: asSeqno(seqno) };
  }

  /** How many signatures, from the first on, are the same in both copies. */
  countInCommon(other: SignedHistory): number {
    let [low, high] = [0, Math.min(this.count, other.count)];
    while (low < high) {
      const middle = Math.ceil((low + high) / 2);
      if (this.#isSameAt(other, middle - 1)) low = middle;
      else high = middle - 1;
    }
    return low;
  }

  /** A view in which both copies signed from `index` on; undefined when there is none. */
  viewInCommonFrom(index: number, other: SignedHistory): number | undefined {
    const views = new Set(this.#views.slice(index));
    return other.#views.slice(index).find((view) => views.has(view));
  }

  #isSameAt(other: SignedHistory, index: number): boolean {
    const [from, to] = [index * digestBytes, (index + 1) * digestBytes];
    return (
      this.#seqnos[index] === other.#seqnos[index] &&
      equalBytes(this.#digests.subarray(from, to), other.#digests.subarray(from, to))
    );
  }
}
