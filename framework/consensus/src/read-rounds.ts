/**
 * ReadIndex, batched: proof by a quorum that this node is current, so that an answer from its
 * state is linearizable (Raft thesis 6.4). One round is on its way at a time; readers that come
 * meanwhile share the next one.
 */
import { ByteWriter, equalBytes } from '@coco/base';
import { consensusError } from './errors.ts';
import type { ReplicaLimits } from './limits.ts';

/** The length of a round's context; a peer's is as long. */
export const readContextBytes = 16;

interface Reader {
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
  /** Ticks waited so far. */
  waitedTicks: number;
}

interface Round {
  /** Names the round in Raft: this node's id and a number that is used once. */
  readonly context: Uint8Array;
  readonly readers: Reader[];
  ticks: number;
}

/** Confirmed by a quorum; waits until this node has delivered up to the index. */
interface Confirmed {
  readonly raftIndex: number;
  readonly readers: readonly Reader[];
}

export type ReadLimits = Pick<
  ReplicaLimits,
  'readRetryTicks' | 'readTicksMax' | 'waitingReadersMax'
>;

export class ReadRounds {
  readonly #limits: ReadLimits;
  readonly #id: number;
  #roundNumber = 0;
  #waiting: Reader[] = [];
  #round: Round | undefined;
  #confirmed: Confirmed[] = [];

  constructor(id: number, limits: ReadLimits) {
    this.#id = id;
    this.#limits = limits;
  }

  /** Resolves when everything committed before this call is delivered here. */
  wait(): Promise<void> {
    if (this.#count() >= this.#limits.waitingReadersMax) {
      throw consensusError('TooManyInFlight', 'Too many reads wait for a quorum.');
    }
    return new Promise((resolve, reject) => {
      this.#waiting.push({ resolve, reject, waitedTicks: 0 });
    });
  }

  /** The context of a round to start now, or undefined when none is due. */
  begin(): Uint8Array | undefined {
    if (this.#round || this.#waiting.length === 0) return undefined;
    return this.#start(this.#takeWaiting());
  }

  /** A quorum has confirmed the round of this context. Contexts of other nodes are not ours. */
  confirm(raftIndex: number, context: Uint8Array): void {
    if (!this.#round || !equalBytes(context, this.#round.context)) return;
    this.#confirmed.push({ raftIndex, readers: this.#round.readers });
    this.#round = undefined;
  }

  delivered(raftIndex: number): void {
    const done = this.#confirmed.filter((confirmed) => confirmed.raftIndex <= raftIndex);
    if (done.length === 0) return;
    this.#confirmed = this.#confirmed.filter((confirmed) => confirmed.raftIndex > raftIndex);
    for (const { readers } of done) for (const reader of readers) reader.resolve();
  }

  /** Ages the readers; the context of a round to send again, when one got no answer. */
  tick(): Uint8Array | undefined {
    const round = this.#round;
    this.#waiting = this.#age(this.#waiting);
    this.#confirmed = this.#confirmed.map(({ raftIndex, readers }) => ({
      raftIndex,
      readers: this.#age(readers),
    }));
    if (!round) return undefined;
    round.ticks += 1;
    const readers = this.#age(round.readers);
    if (readers.length === 0) {
      this.#round = undefined;
      return undefined;
    }
    this.#round = { ...round, readers };
    // A fresh number: Raft ignores a context that is already pending at the leader.
    if (round.ticks < this.#limits.readRetryTicks) return undefined;
    return this.#start([...readers, ...this.#takeWaiting()]);
  }

  /** Refuses everybody who waits. */
  stop(error: unknown): void {
    const all = [...this.#waiting, ...(this.#round?.readers ?? [])];
    for (const { readers } of this.#confirmed) all.push(...readers);
    this.#waiting = [];
    this.#round = undefined;
    this.#confirmed = [];
    for (const reader of all) reader.reject(error);
  }

  #start(readers: Reader[]): Uint8Array {
    this.#roundNumber += 1;
    const writer = new ByteWriter(readContextBytes).u64(this.#id).u64(this.#roundNumber);
    const context = writer.done();
    this.#round = { context, readers, ticks: 0 };
    return context;
  }

  #takeWaiting(): Reader[] {
    const readers = this.#waiting;
    this.#waiting = [];
    return readers;
  }

  #count(): number {
    let count = this.#waiting.length + (this.#round?.readers.length ?? 0);
    for (const { readers } of this.#confirmed) count += readers.length;
    return count;
  }

  #age(readers: readonly Reader[]): Reader[] {
    const kept: Reader[] = [];
    for (const reader of readers) {
      reader.waitedTicks += 1;
      if (reader.waitedTicks <= this.#limits.readTicksMax) kept.push(reader);
      else reader.reject(consensusError('ReadIndexUnavailable', 'No quorum answered a read.'));
    }
    return kept;
  }
}
