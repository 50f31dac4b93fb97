/** One committed block as subscriptions tell it: each text is made once, for all who are told. */
import { present } from '@coco/base';
import type { Caller } from '@coco/endpoint';
import type { EthereumState, NumberedBlock } from './ethereum-state.ts';
import type { LogFilter } from './log-filter.ts';
import { toData } from './numbers.ts';
import { locateInBlock, type RpcContext } from './rpc-context.ts';
import type { Topic } from './rpc-exchange.ts';
import { headJson, transactionJson } from './rpc-format.ts';
import { logsOf } from './rpc-log-methods.ts';

export class ToldBlock {
  readonly #context: RpcContext;
  readonly #state: EthereumState;
  readonly #block: NumberedBlock;
  #head: string | undefined;

  constructor(context: RpcContext, state: EthereumState, number: bigint) {
    this.#context = context;
    this.#state = state;
    this.#block = present(state.block(number), 'there are no gaps between blocks');
  }

  /** What a caller is told of the block, as JSON, one text a notification. */
  results(topic: Topic, caller: Caller): readonly string[] {
    if (!this.#context.visible(caller, { kind: 'block', parties: [] })) return [];
    switch (topic.kind) {
      case 'newHeads':
        this.#head ??= JSON.stringify(headJson(this.#block));
        return [this.#head];
      case 'logs':
        return this.#logs(topic.filter, caller);
      case 'newPendingTransactions':
        return topic.isFull ? this.#transactions(caller) : this.#hashes();
      // A node that serves has caught up; there is never anything to tell.
      case 'syncing':
        return [];
    }
  }

  #logs(filter: LogFilter, caller: Caller): readonly string[] {
    const block = this.#block;
    if (!filter.mayMatch(block.logsBloom)) return [];
    const place = { state: this.#state, block, filter };
    return block.transactionHashes
      .flatMap((hash) => logsOf(this.#context, caller, { ...place, hash }))
      .map((log) => JSON.stringify(log));
  }

  #hashes(): readonly string[] {
    return this.#block.transactionHashes.map((hash) => JSON.stringify(toData(hash)));
  }

  #transactions(caller: Caller): readonly string[] {
    const place = { state: this.#state, block: this.#block };
    return this.#block.transactionHashes.flatMap((hash) => {
      const located = locateInBlock(this.#context, caller, { ...place, hash }, 'transaction');
      return located ? [JSON.stringify(transactionJson(located))] : [];
    });
  }
}
