/**
 * The block that is being filled. It lives in memory on the primary only: the store learns of it
 * when the batch is sealed, and a loss of office drops it with the entries it refers to.
 */
import { assert, type Seqno } from '@coco/base';
import type { BlockEnvironment, EncodedReceipt, ReceiptFields } from './engine-types.ts';
import type { NumberedBlock } from './ethereum-state.ts';
import type { ChainRecord } from './state-codec.ts';

/** A transaction in its place in the block. */
export interface BlockEntry {
  readonly hash: Uint8Array;
  readonly raw: Uint8Array;
  readonly seqno: Seqno;
  readonly receipt: ReceiptFields;
  /** The same with its bloom: its hash is claimed in the entry, and the block's root covers it. */
  readonly encodedReceipt: EncodedReceipt;
  /** The state's digest after it (state-digest.ts). */
  readonly stateDigest: Uint8Array;
}

export class OpenBlock {
  readonly environment: BlockEnvironment;
  readonly parent: NumberedBlock;
  /** The rules that held when it was opened: a change by governance is for the next block. */
  readonly chain: ChainRecord;
  readonly #entries: BlockEntry[] = [];
  #logCount = 0;

  constructor(environment: BlockEnvironment, parent: NumberedBlock, chain: ChainRecord) {
    assert(environment.number === parent.number + 1n, 'a block follows its parent');
    assert(environment.timestamp >= parent.timestamp, 'time does not go back between blocks');
    this.environment = environment;
    this.parent = parent;
    this.chain = chain;
  }

  get entries(): readonly BlockEntry[] {
    return this.#entries;
  }

  get gasUsed(): bigint {
    return this.#entries.at(-1)?.receipt.cumulativeGasUsed ?? 0n;
  }

  get logCount(): number {
    return this.#logCount;
  }

  get stateDigest(): Uint8Array {
    return this.#entries.at(-1)?.stateDigest ?? this.parent.stateRoot;
  }

  add(entry: BlockEntry): void {
    const last = this.#entries.at(-1);
    assert(last === undefined || last.seqno < entry.seqno, 'entries of a block are in order');
    assert(entry.receipt.cumulativeGasUsed > this.gasUsed, 'every transaction uses gas');
    this.#entries.push(entry);
    this.#logCount += entry.receipt.logs.length;
  }

  /** Drops the entries above `to`. */
  truncate(to: Seqno): void {
    for (let last = this.#entries.at(-1); last && last.seqno > to; last = this.#entries.at(-1)) {
      this.#entries.pop();
      this.#logCount -= last.receipt.logs.length;
    }
  }
}
