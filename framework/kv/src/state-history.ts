/**
 * Which states are readable, and when a superseded record can go.
 *
 * Every write makes a new record that links to the one it supersedes, and the log holds the new
 * records in order of seqno. Rolling back takes records from the log's end. Committing settles them
 * from its front: what a record superseded is released, or hung on the newest sealed state that
 * still sees it and released when that state is forgotten. States are forgotten oldest first, so
 * no older one sees it then. Settling is done a bounded number of steps at a time.
 *
 * Why links to released records are harmless: a record is released only when every readable state
 * sees something newer of that key, so no reader's walk along the links gets to it.
 */
import { assert, present, type Seqno } from '@coco/base';
import { kvError } from './errors.ts';
import type { MapCatalog } from './map-table.ts';
import { PointerQueue } from './pointer-queue.ts';
import { awaitsVisit, isDetached, isSettled, type RecordHeap } from './record-heap.ts';

interface SealedState {
  readonly seqno: Seqno;
  /** Records that no newer sealed state sees, and removals to look at when this one goes. */
  readonly waiting: PointerQueue;
}

/** A reader's claim on a state: its seqno and how many rollbacks the store had seen. */
export interface StateClaim {
  readonly seqno: Seqno;
  readonly rollbackCount: number;
}

/** Rollbacks beyond this many are remembered as one: older readers may be refused too early. */
const rollbacksMax = 256;

export class StateHistory {
  readonly #records: RecordHeap;
  readonly #catalog: MapCatalog;
  #statesMax: number;
  /** Records written, oldest first. Invariant: seqnos ascend. */
  readonly #log = new PointerQueue();
  /** Invariant: seqnos ascend; but for held states, at most #statesMax are at or below commit. */
  #sealed: SealedState[] = [];
  readonly #sealedSeqnos = new Set<Seqno>();
  /** Sealed, committed states that somebody holds, with how many hold each. */
  readonly #held = new Map<Seqno, number>();
  /** States forgotten whose waiting records are not all visited, oldest first. */
  readonly #forgotten: SealedState[] = [];
  #committed = 0 as Seqno;
  #rollbackCount = 0;
  /** Invariant: `to` ascends with `count`; a rollback hides earlier ones to higher seqnos. */
  #rollbacks: { readonly count: number; readonly to: Seqno }[] = [];

  constructor(records: RecordHeap, catalog: MapCatalog, statesMax: number) {
    this.#records = records;
    this.#catalog = catalog;
    this.#statesMax = statesMax;
  }

  get committed(): Seqno {
    return this.#committed;
  }

  get sealedCount(): number {
    return this.#sealed.length;
  }

  /** Rollbacks so far. */
  get rollbackCount(): number {
    return this.#rollbackCount;
  }

  /** The first seqno whose state is readable. */
  get oldest(): Seqno {
    const first = this.#sealed[0]?.seqno ?? this.#committed;
    return Math.min(first, this.#committed) as Seqno;
  }

  /** Records whose release is due or will be: log entries and waiting records to visit. */
  get backlog(): number {
    let count = this.#log.length;
    for (const state of this.#forgotten) count += state.waiting.length;
    return count;
  }

  isSealed(seqno: Seqno): boolean {
    return this.#sealedSeqnos.has(seqno);
  }

  /** Whether the state of the claim is kept and is still what it was. */
  isReadable(claim: StateClaim): boolean {
    const { seqno, rollbackCount } = claim;
    const isKept = seqno >= this.#committed || this.#sealedSeqnos.has(seqno);
    return isKept && (rollbackCount === this.#rollbackCount || this.#outlived(claim));
  }

  /** @throws StateForgotten unless the state is readable */
  ensureReadable(claim: StateClaim): void {
    if (this.isReadable(claim)) return;
    throw kvError('StateForgotten', 'The state at this seqno is not kept.', {
      seqno: claim.seqno,
      oldest: this.oldest,
    });
  }

  #outlived({ seqno, rollbackCount }: StateClaim): boolean {
    const lowest = this.#rollbacks.find((rollback) => rollback.count > rollbackCount);
    return lowest === undefined || seqno <= lowest.to;
  }

  noteWrite(record: number): void {
    this.#log.push(record);
  }

  seal(seqno: Seqno): void {
    if (this.#sealedSeqnos.has(seqno)) return;
    assert((this.#sealed.at(-1)?.seqno ?? -1) < seqno, 'states are sealed in order');
    this.#sealed.push({ seqno, waiting: new PointerQueue() });
    this.#sealedSeqnos.add(seqno);
  }

  /** Records with a greater seqno that no step has settled, newest first. */
  *writtenAfter(seqno: Seqno): Iterable<number> {
    for (let offset = this.#log.length - 1; offset >= 0; offset--) {
      const record = this.#log.at(offset);
      if (this.#records.seqno(record) <= seqno) return;
      yield record;
    }
  }

  rollback(to: Seqno): void {
    const records = this.#records;
    while (this.#log.length > 0 && records.seqno(this.#log.last()) > to) {
      const record = this.#log.last();
      this.#log.dropLast();
      const table = this.#catalog.tableOf(record);
      const former = table.takeBack(record);
      // A settled removal that became the newest record again: no later step would purge it.
      if (former !== 0 && (records.flags(former) & (isSettled | awaitsVisit)) === isSettled) {
        assert(table.purge(former), 'what a taken-back record superseded is the newest');
        records.release(former);
      }
      this.#catalog.dropIfEmpty(table);
    }
    while ((this.#sealed.at(-1)?.seqno ?? 0) > to) {
      const state = present(this.#sealed.pop(), 'there is a sealed state');
      assert(state.waiting.length === 0, 'nothing waits for a state above commit');
      this.#sealedSeqnos.delete(state.seqno);
    }
    this.#noteRollback(to);
  }

  #noteRollback(to: Seqno): void {
    this.#rollbackCount++;
    const rollbacks = this.#rollbacks;
    while ((rollbacks.at(-1)?.to ?? -1) >= to) rollbacks.pop();
    rollbacks.push({ count: this.#rollbackCount, to });
    if (rollbacks.length > rollbacksMax) {
      const [first, second] = rollbacks;
      const merged = {
        count: present(second, 'there are many').count,
        to: present(first, 'there are many').to,
      };
      this.#rollbacks = [merged, ...rollbacks.slice(2)];
    }
  }

  /**
   * Keeps a sealed and committed state readable until `release`, and with it every younger one:
   * states are forgotten oldest first.
   */
  hold(seqno: Seqno): void {
    assert(
      this.isSealed(seqno) && seqno <= this.#committed,
      'a held state is sealed and committed',
    );
    this.#held.set(seqno, (this.#held.get(seqno) ?? 0) + 1);
  }

  /** Undoes one `hold`; the state goes with the next commit if it is beyond the limit. */
  release(seqno: Seqno): void {
    const count = this.#held.get(seqno) ?? 0;
    if (count > 1) this.#held.set(seqno, count - 1);
    else this.#held.delete(seqno);
  }

  /** Nobody holds a state any more: memory is short. Returns whether somebody did. */
  releaseAll(): boolean {
    const wasHeld = this.#held.size > 0;
    this.#held.clear();
    return wasHeld;
  }

  /** Another bound of committed sealed states; what is beyond it is forgotten at once. */
  keep(statesMax: number): void {
    this.#statesMax = statesMax;
    this.commit(this.#committed);
  }

  /** Nothing at or below `seqno` will be rolled back; forgets sealed states beyond the limit. */
  commit(seqno: Seqno): void {
    this.#committed = seqno;
    let committedStates = 0;
    while ((this.#sealed[committedStates]?.seqno ?? seqno + 1) <= seqno) committedStates++;
    const firstHeld = this.#sealed.findIndex((state) => this.#held.has(state.seqno));
    const forgettable = firstHeld < 0 ? committedStates : firstHeld;
    const surplus = Math.min(committedStates - this.#statesMax, forgettable);
    if (surplus <= 0) return;
    for (const state of this.#sealed.slice(0, surplus)) {
      this.#sealedSeqnos.delete(state.seqno);
      this.#forgotten.push(state);
    }
    this.#sealed = this.#sealed.slice(surplus);
  }

  /** Settles and visits at most `stepsMax` records; returns whether some are left. */
  reclaim(stepsMax: number): boolean {
    for (let step = 0; step < stepsMax; step++) {
      if (!this.#visitNext() && !this.#settleNext()) return false;
    }
    return true;
  }

  /** Visits one record of the oldest forgotten state. */
  #visitNext(): boolean {
    let state = this.#forgotten[0];
    while (state !== undefined && state.waiting.length === 0) {
      this.#forgotten.shift();
      state = this.#forgotten[0];
    }
    if (state === undefined) return false;
    const record = state.waiting.first();
    state.waiting.dropFirst();
    const records = this.#records;
    const flags = records.flags(record);
    if (records.seqno(record) <= state.seqno) {
      assert((flags & awaitsVisit) === 0, 'an older state has visited the removal');
      records.release(record);
      return true;
    }
    assert((flags & awaitsVisit) !== 0, 'a newer record waits only as a removal');
    records.setFlags(record, flags & ~awaitsVisit);
    if ((flags & isDetached) !== 0) records.release(record);
    else this.#purge(record);
    return true;
  }

  /** Settles the oldest record of the log, if it is committed. */
  #settleNext(): boolean {
    const records = this.#records;
    if (this.#log.length === 0) return false;
    const record = this.#log.first();
    const seqno = records.seqno(record);
    if (seqno > this.#committed) return false;
    this.#log.dropFirst();
    const newest = this.#newestSealedBefore(seqno);
    const former = records.previous(record);
    if (former !== 0) this.#settleFormer(record, former, newest);
    if (!records.isRemoval(record)) return true;
    records.setFlags(record, records.flags(record) | isSettled);
    if (newest === undefined) {
      this.#purge(record);
    } else {
      records.setFlags(record, records.flags(record) | awaitsVisit);
      newest.waiting.push(record);
    }
    return true;
  }

  #settleFormer(record: number, former: number, newest: SealedState | undefined): void {
    const records = this.#records;
    if (newest !== undefined && newest.seqno >= records.seqno(former)) {
      newest.waiting.push(former);
      return;
    }
    records.setPrevious(record, records.previous(former));
    const flags = records.flags(former);
    if ((flags & awaitsVisit) !== 0) records.setFlags(former, flags | isDetached);
    else records.release(former);
  }

  /** Releases a removal that nothing readable precedes, if it is its key's newest record. */
  #purge(removal: number): void {
    const table = this.#catalog.tableOf(removal);
    if (!table.purge(removal)) return;
    this.#records.release(removal);
    this.#catalog.dropIfEmpty(table);
  }

  #newestSealedBefore(seqno: Seqno): SealedState | undefined {
    const sealed = this.#sealed;
    let low = 0;
    let high = sealed.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (present(sealed[middle], 'the place is inside').seqno < seqno) low = middle + 1;
      else high = middle;
    }
    return sealed[low - 1];
  }
}
