/**
 * The end of Raft's log as the ledger sees it: what was persisted, or is being persisted, and is
 * not committed yet. It turns Raft's entries into batches to write and seqnos to cut, and checks
 * that the batches follow one another. Raft's own and membership entries have an index but no
 * seqno, so the two numbers run apart.
 */
import type { RaftIndex, Seqno } from '@coco/base';
import { asRaftIndex, asSeqno, assert, equalBytes, present } from '@coco/base';
import type { Handle } from './handle.ts';
import { decodeHandle, lastSeqnoOf } from './handle.ts';
import type { RaftEntry } from './raft-instance.ts';
import { normalEntry } from './raft-instance.ts';

/** A batch in the log, with its body. */
export interface StoredBatch {
  readonly raftIndex: RaftIndex;
  readonly handle: Handle;
  readonly body: Uint8Array;
}

/** What the persist port must do, in this order: cut, then append. */
export interface TailChange {
  /** The first seqno to remove; undefined when nothing is replaced. */
  readonly truncateFrom: Seqno | undefined;
  readonly batches: readonly StoredBatch[];
}

interface TailEntry {
  readonly raftIndex: number;
  readonly term: number;
  readonly isMembership: boolean;
  readonly batch: StoredBatch | undefined;
}

/** Whether an entry of the log holds a batch. */
export function holdsBatch(entry: RaftEntry): boolean {
  return entry.type === normalEntry && entry.data.length > 0;
}

export class LogTail {
  /** Invariant: contiguous, the first has index #deliveredIndex + 1. */
  #entries: TailEntry[] = [];
  #deliveredIndex = 0;
  /** Invariant: <= lastSeqno. Everything up to it is committed and was delivered. */
  #deliveredSeqno: Seqno = asSeqno(0);
  #lastDelivered: Handle | undefined;

  /** Where the log of a service begins: nothing before it is ever asked for. */
  startAt(start: { readonly raftIndex: number; readonly seqno: Seqno }): void {
    assert(this.lastIndex === 0, 'a log begins once');
    this.#deliveredIndex = start.raftIndex;
    this.#deliveredSeqno = start.seqno;
  }

  get deliveredIndex(): number {
    return this.#deliveredIndex;
  }

  get deliveredSeqno(): Seqno {
    return this.#deliveredSeqno;
  }

  /** The last committed batch that this replica has seen. */
  get lastDelivered(): Handle | undefined {
    return this.#lastDelivered;
  }

  get lastIndex(): number {
    return this.#deliveredIndex + this.#entries.length;
  }

  /** The last seqno in the log, committed or not. */
  get lastSeqno(): Seqno {
    const last = this.#entries.findLast((entry) => entry.batch);
    return last?.batch ? lastSeqnoOf(last.batch.handle) : this.#deliveredSeqno;
  }

  /** Whether a membership change waits for commit. */
  get hasMembership(): boolean {
    return this.#entries.some((entry) => entry.isMembership);
  }

  /** Whether the log holds this very entry: index and term name it (Raft, Log Matching). */
  has(entry: Pick<RaftEntry, 'index' | 'term'>): boolean {
    if (entry.index <= this.#deliveredIndex) return true;
    return this.#entries[entry.index - this.#deliveredIndex - 1]?.term === entry.term;
  }

  /** The body of an uncommitted batch. */
  findBody(handle: Handle): Uint8Array | undefined {
    const holds = ({ batch }: TailEntry): boolean =>
      batch?.handle.firstSeqno === handle.firstSeqno &&
      equalBytes(batch.handle.digest, handle.digest);
    return this.#entries.find(holds)?.batch?.body;
  }

  /** Takes in the entries of a Ready, replacing what they contradict. */
  append(entries: readonly RaftEntry[], bodyOf: (handle: Handle) => Uint8Array): TailChange {
    const last = entries.at(-1);
    if (!last) return { truncateFrom: undefined, batches: [] };
    const added = entries.slice(this.#countKnown(entries));
    const truncateFrom = this.#cutFrom(added[0]?.index ?? last.index + 1);
    const batches: StoredBatch[] = [];
    for (const entry of added) {
      const batch = this.#push(entry, bodyOf);
      if (batch) batches.push(batch);
    }
    return { truncateFrom, batches };
  }

  /** Takes out a committed entry; returns its batch. */
  deliver(entry: RaftEntry): StoredBatch | undefined {
    const first = present(this.#entries.shift(), 'a committed entry is in the log');
    assert(first.raftIndex === entry.index, 'entries commit in order');
    assert(first.term === entry.term, 'a committed entry is the one that was persisted');
    this.#deliveredIndex = entry.index;
    if (first.batch) {
      this.#deliveredSeqno = lastSeqnoOf(first.batch.handle);
      this.#lastDelivered = first.batch.handle;
    }
    return first.batch;
  }

  /** Begins anew after an installed snapshot. */
  restart(at: { readonly raftIndex: number; readonly lastBatch: Handle | undefined }): void {
    assert(at.raftIndex > this.#deliveredIndex, 'a snapshot moves on');
    this.#entries = [];
    this.#deliveredIndex = at.raftIndex;
    this.#lastDelivered = at.lastBatch ?? this.#lastDelivered;
    if (at.lastBatch) {
      assert(lastSeqnoOf(at.lastBatch) >= this.#deliveredSeqno, 'a snapshot loses no commit');
      this.#deliveredSeqno = lastSeqnoOf(at.lastBatch);
    }
  }

  /** How many of the entries, from the first, the log holds already: they are not written again. */
  #countKnown(entries: readonly RaftEntry[]): number {
    const firstNew = entries.findIndex((entry) => !this.has(entry));
    return firstNew < 0 ? entries.length : firstNew;
  }

  #cutFrom(raftIndex: number): Seqno | undefined {
    assert(raftIndex > this.#deliveredIndex, 'nothing committed is ever cut');
    assert(raftIndex <= this.lastIndex + 1, 'the log has no gap');
    const removed = this.#entries.splice(raftIndex - this.#deliveredIndex - 1);
    return removed.find((entry) => entry.batch)?.batch?.handle.firstSeqno;
  }

  #push(entry: RaftEntry, bodyOf: (handle: Handle) => Uint8Array): StoredBatch | undefined {
    const raftIndex = asRaftIndex(entry.index);
    assert(raftIndex === this.lastIndex + 1, 'entries are contiguous');
    let batch: StoredBatch | undefined;
    if (holdsBatch(entry)) {
      const handle = decodeHandle(entry.data);
      assert(handle.view === entry.term, "a batch's view is the term of its entry");
      assert(handle.firstSeqno === asSeqno(this.lastSeqno + 1), 'a batch extends the one before');
      batch = { raftIndex, handle, body: bodyOf(handle) };
    }
    const isMembership = entry.type !== normalEntry;
    this.#entries.push({ raftIndex, term: entry.term, isMembership, batch });
    return batch;
  }
}
