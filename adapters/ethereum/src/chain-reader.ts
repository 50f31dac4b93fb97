/**
 * Which state and which block a call means. Every answer is read from one committed state; only
 * `pending` reads the executed one. States of recent blocks stay readable as far as the store
 * keeps them.
 */

import type { Host } from '@coco/adapter';
import { LedgerError, present } from '@coco/base';
import type { ReadView } from '@coco/kv';
import type { BlockBuilder } from './block-builder.ts';
import type { BlockEnvironment } from './engine-types.ts';
import { ethereumError } from './errors.ts';
import { EthereumState, type NumberedBlock } from './ethereum-state.ts';
import type { BlockTag } from './rpc-parameters.ts';
import type { ChainRecord } from './state-codec.ts';

export class ChainReader {
  readonly #host: Host;
  readonly #builder: BlockBuilder;
  readonly #statesMax: number;
  /** Committed states by block number, oldest first. */
  readonly #states = new Map<bigint, ReadView>();
  #chain: ChainRecord | undefined;

  constructor(host: Host, builder: BlockBuilder, statesMax: number) {
    this.#host = host;
    this.#builder = builder;
    this.#statesMax = statesMax;
  }

  /** Remembers a committed state under the number of its last block. */
  remember(view: ReadView): void {
    const state = new EthereumState(view);
    this.#chain = state.chain();
    const number = state.headNumber();
    this.#states.delete(number);
    this.#states.set(number, view);
    for (const oldest of this.#states.keys()) {
      if (this.#states.size <= this.#statesMax) return;
      this.#states.delete(oldest);
    }
  }

  /** The chain's rules as committed; governance may change them. */
  get chain(): ChainRecord {
    return present(this.#chain, 'a committed state was remembered');
  }

  committed(): EthereumState {
    return new EthereumState(this.#host.committed());
  }

  executed(): EthereumState {
    return new EthereumState(this.#host.executed());
  }

  /**
   * A committed block; the last one for `latest` and `pending`.
   */
  block(state: EthereumState, tag: BlockTag): NumberedBlock | undefined {
    switch (tag.kind) {
      case 'latest':
      case 'pending':
        return state.head();
      case 'number':
        return state.block(tag.number);
      case 'hash': {
        const number = state.blockNumberOf(tag.hash);
        return number === undefined ? undefined : state.block(number);
      }
    }
  }

  /** The environment in which a call on the pending state runs. */
  pendingEnvironment(): BlockEnvironment {
    return this.#builder.nextEnvironment(this.executed());
  }

  /**
   * Reads the state after a block.
   * @throws HeaderNotFound, StateNotAvailable
   */
  readAt<Value>(
    tag: BlockTag,
    read: (state: EthereumState, environment: BlockEnvironment) => Value,
  ): Value {
    if (tag.kind === 'pending') return read(this.executed(), this.pendingEnvironment());
    const latest = this.committed();
    const block = this.block(latest, tag);
    if (!block) throw ethereumError('HeaderNotFound', 'header not found');
    if (block.number === latest.headNumber()) return read(latest, environmentOf(block));
    const view = this.#states.get(block.number);
    if (!view) throw notAvailable(block);
    try {
      return read(new EthereumState(view), environmentOf(block));
    } catch (error) {
      if (!(error instanceof LedgerError) || error.code !== 'StateForgotten') throw error;
      this.#states.delete(block.number);
      throw notAvailable(block);
    }
  }

  /**
   * As `readAt`, for reads that take more than one step: the state stays the same, or is refused
   * when it is forgotten meanwhile.
   * @throws HeaderNotFound, StateNotAvailable
   */
  async withStateAt<Value>(
    tag: BlockTag,
    read: (state: EthereumState, environment: BlockEnvironment) => Promise<Value>,
  ): Promise<Value> {
    if (tag.kind === 'pending') return read(this.executed(), this.pendingEnvironment());
    const latest = this.committed();
    const block = this.block(latest, tag);
    if (!block) throw ethereumError('HeaderNotFound', 'header not found');
    const isLatest = block.number === latest.headNumber();
    const view = isLatest ? undefined : this.#states.get(block.number);
    if (!isLatest && !view) throw notAvailable(block);
    const state = view ? new EthereumState(view) : latest;
    try {
      return await read(state, environmentOf(block));
    } catch (error) {
      if (!(error instanceof LedgerError) || error.code !== 'StateForgotten') throw error;
      if (!isLatest) this.#states.delete(block.number);
      throw notAvailable(block);
    }
  }
}

function notAvailable(block: NumberedBlock): LedgerError {
  return ethereumError(
    'StateNotAvailable',
    `historical state of block ${block.number} is not available`,
    { block: Number(block.number) },
  );
}

function environmentOf(block: NumberedBlock): BlockEnvironment {
  const { number, timestamp, gasLimit, baseFee, beneficiary, prevrandao } = block;
  return { number, timestamp, gasLimit, baseFee, beneficiary, prevrandao };
}
