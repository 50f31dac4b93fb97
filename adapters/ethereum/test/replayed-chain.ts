/**
 * A chain executed again by @ethereumjs/vm, block after block, from what JSON-RPC tells: the first
 * balances are given, everything else follows. Slow, tests only.
 */
import type { Block } from '@ethereumjs/block';
import { createBlock } from '@ethereumjs/block';
import type { Common } from '@ethereumjs/common';
import { SimpleStateManager } from '@ethereumjs/statemanager';
import { Account, createAddressFromString } from '@ethereumjs/util';
import { createVM, runTx } from '@ethereumjs/vm';
import { type RpcReceipt, toHexText } from './recompute-block.ts';

/** Of a receipt, what the other machine has an opinion of. */
export type ReplayedReceipt = Pick<RpcReceipt, 'status' | 'gasUsed' | 'logs' | 'contractAddress'>;

export interface ReplayedAccount {
  readonly address: string;
  readonly nonce: bigint;
  readonly balance: bigint;
  readonly code: string;
  /** Slot and value as words in hex. */
  readonly storage: ReadonlyMap<string, string>;
}

export class ReplayedChain {
  readonly #common: Common;
  readonly #state: SimpleStateManager;
  readonly #hashes: Map<number, Uint8Array> = new Map();

  constructor(common: Common) {
    this.#common = common;
    this.#state = new SimpleStateManager({ common });
  }

  async fund(address: string, balance: bigint): Promise<void> {
    await this.#state.putAccount(createAddressFromString(address), new Account(0n, balance));
  }

  /** Executes the next block's transactions. BLOCKHASH knows the blocks that came before. */
  async execute(block: Block): Promise<readonly ReplayedReceipt[]> {
    const known = this.#knownBlocks();
    const options = { common: this.#common, stateManager: this.#state, blockchain: known };
    const vm = await createVM(options);
    const { number, timestamp, gasLimit, baseFeePerGas = 0n, coinbase, mixHash } = block.header;
    const header = { number, timestamp, gasLimit, baseFeePerGas, coinbase, mixHash };
    const environment = createBlock({ header }, { common: this.#common });
    const receipts: ReplayedReceipt[] = [];
    for (const tx of block.transactions) {
      const result = await runTx(vm, {
        tx,
        block: environment,
        skipBlockGasLimitValidation: true,
      });
      const { execResult, createdAddress, totalGasSpent } = result;
      receipts.push({
        status: execResult.exceptionError === undefined ? '0x1' : '0x0',
        gasUsed: `0x${totalGasSpent.toString(16)}`,
        contractAddress: createdAddress?.toString() ?? null,
        logs: (execResult.logs ?? []).map(([address, topics, data]) => ({
          address: toHexText(address),
          topics: topics.map(toHexText),
          data: toHexText(data),
        })),
      });
    }
    this.#hashes.set(Number(number), block.hash());
    return receipts;
  }

  /** Every account as the last block left it. */
  async accounts(): Promise<readonly ReplayedAccount[]> {
    const accounts: ReplayedAccount[] = [];
    const slots = this.#state.storageStack.at(-1) ?? new Map<string, Uint8Array>();
    for (const [address, account] of this.#state.accountStack.at(-1) ?? []) {
      if (account === undefined) continue;
      const storage = new Map<string, string>();
      for (const [key, value] of slots) {
        const [owner, slot] = key.split('_');
        if (owner !== address || slot === undefined) continue;
        const word = toHexText(value).slice(2).padStart(64, '0');
        storage.set(`0x${slot.replace('0x', '')}`, `0x${word}`);
      }
      const code = toHexText(await this.#state.getCode(createAddressFromString(address)));
      const { nonce, balance } = account;
      accounts.push({ address, nonce, balance, code, storage });
    }
    return accounts;
  }

  #knownBlocks(): NonNullable<Parameters<typeof createVM>[0]>['blockchain'] & object {
    const known = {
      getBlock: async (number: number) => {
        const hash = this.#hashes.get(number) ?? new Uint8Array(32);
        return { hash: () => hash };
      },
      putBlock: async () => {},
      shallowCopy: () => known,
    };
    return known;
  }
}
