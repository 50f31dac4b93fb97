/**
 * The same execution on @ethereumjs/vm, as a second opinion. Slow, tests only. Precompiles on
 * bn254 and BLS12-381 run on @noble/curves there; KZG has no implementation there.
 */

import { fromHex, toHex } from '@coco/base';
import { createBlock } from '@ethereumjs/block';
import type { Common } from '@ethereumjs/common';
import { SimpleStateManager } from '@ethereumjs/statemanager';
import { createTx, createTxFromRLP, type TypedTransaction } from '@ethereumjs/tx';
import { Account, Address, createAddressFromString } from '@ethereumjs/util';
import { createVM, runTx, type VMOpts } from '@ethereumjs/vm';
import type { BlockEnvironment, ExecutableTransaction, Spec } from '../src/engine-types.ts';
import { block, config, type MemoryState } from './memory-state.ts';
import { commonOf } from './recompute-block.ts';

/** What both machines can be compared by; addresses and hashes in hex. */
export interface Outcome {
  readonly isSuccess: boolean;
  readonly gasUsed: bigint;
  readonly output: string;
  readonly logs: readonly string[];
  /** Of every account that exists after it: nonce, balance, code, storage. */
  readonly accounts: Readonly<Record<string, string>>;
}

/** Executes a transaction with a nonce and balance that fit, without checking its signature. */
export async function executeElsewhere(
  state: MemoryState,
  transaction: ExecutableTransaction,
  spec: Spec,
): Promise<Outcome> {
  const common = commonOf(Number(config.chainId), spec);
  return await runElsewhere(state, unsigned(transaction, common), common);
}

/** Executes a signed transaction from its bytes: decoding and recovery are the other's too. */
export async function executeRawElsewhere(
  state: MemoryState,
  raw: Uint8Array,
  spec: Spec,
  environment: BlockEnvironment = block,
): Promise<Outcome> {
  const common = commonOf(Number(config.chainId), spec);
  return await runElsewhere(state, createTxFromRLP(raw, { common }), common, { environment });
}

/** The instructions that a transaction executes: place, name, gas left, depth and stack of each. */
export async function stepsElsewhere(
  state: MemoryState,
  transaction: ExecutableTransaction,
  spec: Spec,
): Promise<readonly string[]> {
  const common = commonOf(Number(config.chainId), spec);
  const steps: string[] = [];
  await runElsewhere(state, unsigned(transaction, common), common, {
    onStep: (step) => steps.push(step),
  });
  return steps;
}

async function runElsewhere(
  state: MemoryState,
  tx: TypedTransaction,
  common: Common,
  options: {
    readonly environment?: BlockEnvironment;
    readonly onStep?: (step: string) => void;
  } = {},
): Promise<Outcome> {
  const { environment = block, onStep = () => {} } = options;
  const stateManager = new SimpleStateManager({ common });
  for (const [address, account] of state.accounts) {
    const at = createAddressFromString(`0x${address}`);
    await stateManager.putAccount(at, new Account(account.nonce, account.balance));
    const code = state.codes.get(account.codeHash);
    if (code !== undefined && code.length > 0) await stateManager.putCode(at, code);
    for (const [slot, value] of account.storage) {
      await stateManager.putStorage(at, fromHex(slot), value);
    }
  }
  const vm = await createVM({ common, stateManager, blockchain: knownBlocks(state) });
  vm.evm.events?.on('step', ({ pc, opcode, gasLeft, depth, stack }, resolve) => {
    onStep(`${pc} ${opcode.name} ${gasLeft} ${depth + 1} ${stack.map(String).join()}`);
    resolve?.();
  });
  const result = await runTx(vm, {
    tx,
    block: otherBlock(common, environment),
    skipBlockGasLimitValidation: true,
  });
  const { execResult } = result;
  return {
    isSuccess: execResult.exceptionError === undefined,
    gasUsed: result.totalGasSpent,
    output: toHex(execResult.returnValue),
    logs: (execResult.logs ?? []).map(([address, topics, data]) =>
      [address, ...topics, data].map(toHex).join(':'),
    ),
    accounts: await accountsOf(stateManager),
  };
}

/** What BLOCKHASH reads. */
function knownBlocks(state: MemoryState): NonNullable<VMOpts['blockchain']> {
  const blocks: NonNullable<VMOpts['blockchain']> = {
    getBlock: async (number) => {
      const hash = state.getBlockHash(BigInt(number)) ?? new Uint8Array(32);
      return { hash: () => hash };
    },
    putBlock: async () => {},
    shallowCopy: () => blocks,
  };
  return blocks;
}

function otherBlock(common: Common, block: BlockEnvironment): ReturnType<typeof createBlock> {
  return createBlock(
    {
      header: {
        number: block.number,
        timestamp: block.timestamp,
        gasLimit: block.gasLimit,
        baseFeePerGas: block.baseFee,
        coinbase: new Address(block.beneficiary),
        mixHash: block.prevrandao,
      },
    },
    { common, skipConsensusFormatValidation: true },
  );
}

function unsigned(transaction: ExecutableTransaction, common: Common): TypedTransaction {
  const tx = createTx(
    {
      type: transaction.type,
      chainId: config.chainId,
      nonce: transaction.nonce,
      gasLimit: transaction.gasLimit,
      gasPrice: transaction.type < 2 ? transaction.maxFeePerGas : undefined,
      maxFeePerGas: transaction.type < 2 ? undefined : transaction.maxFeePerGas,
      maxPriorityFeePerGas: transaction.maxPriorityFeePerGas,
      to: transaction.to,
      value: transaction.value,
      data: transaction.input,
      accessList: transaction.accessList.map(({ address, storageKeys }) => [
        address,
        [...storageKeys],
      ]),
    } as Parameters<typeof createTx>[0],
    { common, freeze: false },
  );
  const sender = new Address(transaction.sender);
  return Object.assign(tx, { getSenderAddress: () => sender, isSigned: () => true });
}

async function accountsOf(stateManager: SimpleStateManager): Promise<Record<string, string>> {
  const accounts: Record<string, string> = {};
  const storage = stateManager.storageStack.at(-1) ?? new Map();
  for (const [address, account] of stateManager.accountStack.at(-1) ?? []) {
    if (account === undefined) continue;
    const code = await stateManager.getCode(createAddressFromString(address));
    const slots: string[] = [];
    for (const [key, value] of storage) {
      const [owner, slot] = key.split('_');
      const word = toHex(value).padStart(64, '0');
      if (owner === address && !/^0*$/.test(word)) slots.push(`${slot?.replace('0x', '')}=${word}`);
    }
    accounts[address.replace('0x', '')] = describeAccount({
      nonce: account.nonce,
      balance: account.balance,
      code,
      slots,
    });
  }
  return accounts;
}

/** One account as comparable text. */
export function describeAccount(account: {
  readonly nonce: bigint;
  readonly balance: bigint;
  readonly code: Uint8Array;
  readonly slots: readonly string[];
}): string {
  const { nonce, balance, code, slots } = account;
  return `${nonce} ${balance} ${toHex(code)} ${[...slots].sort().join(' ')}`;
}

/** The accounts of a state, described the same way. */
export function describeState(state: MemoryState): Record<string, string> {
  const accounts: Record<string, string> = {};
  for (const [address, { nonce, balance, codeHash, storage }] of state.accounts) {
    accounts[address] = describeAccount({
      nonce,
      balance,
      code: state.codes.get(codeHash) ?? new Uint8Array(0),
      slots: [...storage].map(([slot, value]) => `${slot}=${toHex(value)}`),
    });
  }
  return accounts;
}
