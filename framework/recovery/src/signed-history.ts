/**
 * The signatures of one copy of a ledger, in order: where each stands, and its leaf in the Merkle
 * tree. A signature entry holds the tree over all before it, so two copies that have the same
 * signature at one place are equal up to there: where two part is found by bisection.
 *
 * A copy may begin at a snapshot: then the signature that the snapshot is of is its first one, and
 * of those before it only the views are known.
 */
import { asSeqno, asView, equalBytes, type Seqno, type TransactionId } from '@coco/base';
import type { ViewStart } from '@coco/ledger';

const leafBytes = 32;

/** A service that wrote in a copy: the id of its key, and its first entry. */
export interface ServiceSpan {
  readonly keyId: string;
  readonly since: Seqno;
}

/** What a copy that begins at a snapshot knows of the time before. */
interface Before {
  readonly views: readonly ViewStart[];
  readonly service: ServiceSpan;
}

export class SignedHistory {
  readonly #seqnos: number[] = [];
  readonly #views: number[] = [];
  #leaves: Uint8Array = new Uint8Array(leafBytes * 1024);
  readonly #services: ServiceSpan[] = [];
  #before: Before | undefined;

  get count(): number {
    return this.#seqnos.length;
  }

  /** The services that wrote it, oldest first; of those before a snapshot the last one alone. */
  get services(): readonly ServiceSpan[] {
    return this.#services;
  }

  /** The first signature is that of a snapshot. */
  begin(id: TransactionId, leaf: Uint8Array, before: Before): void {
    this.#before = before;
    this.#services.push(before.service);
    this.add(id, leaf);
  }

  /** Takes the service that writes from an entry on; the one that wrote before may go on. */
  addService(service: ServiceSpan): void {
    if (this.#services.at(-1)?.keyId !== service.keyId) this.#services.push(service);
  }

  /** Takes the next signature entry. */
  add(id: TransactionId, leaf: Uint8Array): void {
    const at = this.count * leafBytes;
    if (at === this.#leaves.length) {
      const larger = new Uint8Array(this.#leaves.length * 2);
      larger.set(this.#leaves);
      this.#leaves = larger;
    }
    this.#leaves.set(leaf, at);
    this.#seqnos.push(id.seqno);
    this.#views.push(id.view);
  }

  /** The id of the first signature behind `seqno`; undefined behind the last. */
  idAfter(seqno: number): TransactionId | undefined {
    return this.#id(this.#countUpTo(seqno));
  }

  /** The seqno of the last signature that both copies have, the same in both; 0 without one. */
  lastInCommon(other: SignedHistory): Seqno {
    const [early, late] = this.#first <= other.#first ? [this, other] : [other, this];
    const isOverlap = late.#isSameIn(early, 0);
    return asSeqno(isOverlap ? late.#lastSameIn(early) : early.#lastBefore(late));
  }

  /** A view in which both copies signed behind `seqno`; undefined when there is none. */
  viewInCommonAfter(seqno: number, other: SignedHistory): number | undefined {
    const views = new Set(this.#views.slice(this.#countUpTo(seqno)));
    return other.#views.slice(other.#countUpTo(seqno)).find((view) => views.has(view));
  }

  get #first(): number {
    return this.#seqnos[0] ?? Number.MAX_SAFE_INTEGER;
  }

  #id(index: number): TransactionId | undefined {
    const [view, seqno] = [this.#views[index], this.#seqnos[index]];
    if (view === undefined || seqno === undefined) return undefined;
    return { view: asView(view), seqno: asSeqno(seqno) };
  }

  #leaf(index: number): Uint8Array {
    return this.#leaves.subarray(index * leafBytes, (index + 1) * leafBytes);
  }

  /** How many signatures stand up to `seqno`. */
  #countUpTo(seqno: number): number {
    let [low, high] = [0, this.count];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#seqnos[middle] as number) <= seqno) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** Whether `other` has the same signature at the place of this one's at `index`. */
  #isSameIn(other: SignedHistory, index: number): boolean {
    const seqno = this.#seqnos[index];
    if (seqno === undefined) return false;
    const at = other.#countUpTo(seqno) - 1;
    return other.#seqnos[at] === seqno && equalBytes(this.#leaf(index), other.#leaf(at));
  }

  /** The seqno of the last of these signatures that `other` has as well; the first one is. */
  #lastSameIn(other: SignedHistory): number {
    let [low, high] = [0, this.count - 1];
    while (low < high) {
      const middle = Math.ceil((low + high) / 2);
      if (this.#isSameIn(other, middle)) low = middle;
      else high = middle - 1;
    }
    return this.#seqnos[low] as number;
  }

  /**
   * The last signature that a copy shares with one that begins behind it. No leaf shows it: within
   * one service, what two logs have at one place in one view is the same.
   */
  #lastBefore(late: SignedHistory): number {
    const before = late.#before;
    if (!before || !this.#isOfService(before)) return 0;
    for (let at = this.#countUpTo(late.#first - 1) - 1; at >= 0; at--) {
      const { view, seqno } = this.#id(at) as TransactionId;
      const start = before.views.findLast(({ firstSeqno }) => firstSeqno <= seqno);
      if (start?.view === view) return seqno;
    }
    return 0;
  }

  #isOfService({ service }: Before): boolean {
    return this.#services.some(
      ({ keyId, since }) => keyId === service.keyId && since === service.since,
    );
  }
}
