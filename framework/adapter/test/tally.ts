/**
 * A second adapter, as small as one can be: named counters. Nothing of it is like Ethereum, so the
 * kit's checks hold for any ledger. Its flaws, each on demand, prove that the checks can fail.
 */
import { asSeqno, type Seqno, utf8Decode, utf8Encode } from '@coco/base';
import { type Call, type Endpoint, jsonResponse } from '@coco/endpoint';
import type { MapReader, Transaction } from '@coco/kv';
import type { Adapter, CommittedBatch, Host, OpenBatch, Write } from '../src/index.ts';

/** A rule that the adapter breaks. */
export type Flaw =
  | 'public map'
  | 'foreign map'
  | 'unseeded'
  | 'unsalted'
  | 'no claim'
  | 'seals always'
  | 'writes on commit'
  | 'forgets no rollback'
  | 'follows nobody';

const counters = 'tally.counters';
const batches = 'tally.batches';

const read = (map: MapReader, key: string): number => {
  const value = map.get(utf8Encode(key));
  return value ? Number(utf8Decode(value)) : 0;
};
const text = (value: number): Uint8Array => utf8Encode(String(value));
let unseeded = 0;

export class Tally implements Adapter {
  readonly name: string = 'tally';
  readonly maps: readonly string[];
  readonly endpoints: readonly Endpoint[];
  readonly #flaw: Flaw | undefined;
  #host: Host | undefined;
  /** Derived: the sum of all executed counts, with the seqno from which it holds. */
  #totals: { readonly seqno: Seqno; readonly total: number }[] = [];

  constructor(flaw?: Flaw) {
    this.#flaw = flaw;
    this.maps = flaw === 'public map' ? [counters, batches, 'public:tally'] : [counters, batches];
    this.endpoints = [
      {
        method: 'POST',
        path: '/tally/{counter}',
        authentication: [],
        mode: 'command',
        handle: (call) => jsonResponse(this.#count(call)),
      },
      {
        method: 'GET',
        path: '/tally',
        authentication: [],
        mode: 'command',
        handle: () => jsonResponse(this.#shown()),
      },
    ];
  }

  genesis(transaction: Transaction): void {
    transaction.map(counters).set(utf8Encode('total'), text(0));
  }

  start(host: Host): void {
    this.#host = host;
    const state = host.committed();
    this.#totals = [{ seqno: state.seqno, total: read(state.map(counters), 'total') }];
  }

  seal(transaction: Transaction, batch: OpenBatch): Write<void> {
    const hasWork = this.#totals.some(({ seqno }) => seqno >= batch.firstSeqno);
    if (hasWork || this.#flaw === 'seals always') {
      transaction.map(batches).set(text(batch.firstSeqno), text(batch.sealSeqno));
    }
    return { result: undefined };
  }

  visible(): boolean {
    return true;
  }

  onCommitted({ firstSeqno, lastSeqno, state }: CommittedBatch): void {
    const kept = this.#totals.filter(({ seqno }) => seqno > lastSeqno);
    const before = this.#totals.findLast(({ seqno }) => seqno <= lastSeqno);
    const isOwn = before !== undefined && before.seqno >= firstSeqno;
    // Another node executed the batch: the state has what memory lacks.
    const followed = { seqno: lastSeqno, total: read(state.map(counters), 'total') };
    const last = isOwn || this.#flaw === 'follows nobody' ? before : followed;
    this.#totals = last ? [last, ...kept] : kept;
    if (this.#flaw === 'writes on commit') this.#add('commits');
  }

  rolledBack(to: Seqno): void {
    if (this.#flaw === 'forgets no rollback') return;
    this.#totals = this.#totals.filter(({ seqno }) => seqno <= to);
  }

  async stop(): Promise<void> {}

  #count({ parameters }: Call): number {
    return this.#add(parameters.get('counter') ?? '');
  }

  #add(counter: string): number {
    const host = this.#started();
    const total = (this.#totals.at(-1)?.total ?? 0) + 1;
    const salt = host.random.bytes(32);
    const { result, id } = host.execute((transaction) => {
      const map = transaction.map(counters);
      const count = read(map, counter) + 1;
      map.set(utf8Encode(counter), text(count));
      map.set(utf8Encode('total'), text(total));
      if (this.#flaw === 'foreign map') transaction.map('ethereum.accounts').set(salt, salt);
      if (this.#flaw === 'unseeded') map.set(utf8Encode('unseeded'), text(unseeded++));
      return this.#flaw === 'no claim'
        ? { result: count }
        : { result: count, claimsDigest: this.#flaw === 'unsalted' ? new Uint8Array(32) : salt };
    });
    this.#totals.push({ seqno: id?.seqno ?? asSeqno(0), total });
    return result;
  }

  /** The committed counters, and the total as memory has it. */
  #shown(): readonly string[] {
    const state = this.#started().committed();
    const rows = [...state.map(counters).range()];
    const lines = rows.map(({ key, value }) => `${utf8Decode(key)} ${utf8Decode(value)}`);
    const total = this.#totals.findLast(({ seqno }) => seqno <= state.seqno)?.total ?? 0;
    return [...lines, `in memory ${total}`];
  }

  #started(): Host {
    if (!this.#host) throw new RangeError('the tally is not started');
    return this.#host;
  }
}
