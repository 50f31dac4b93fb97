/** A state in memory for the engine's tests: reads are counted, executions can be applied. */
import { readFileSync } from 'node:fs';
import { fromHex, toHex } from '@coco/base';
import { Engine, engineArtefactUrl, loadEngineModule } from '../src/engine.ts';
import type {
  AccountState,
  BlockEnvironment,
  ExecutableTransaction,
  Execution,
  ExecutionConfig,
  StateSource,
} from '../src/engine-types.ts';

export const engineModule: WebAssembly.Module = loadEngineModule(readFileSync(engineArtefactUrl));
export const engine: Engine = new Engine(engineModule);

export const emptyCodeHashHex = 'c5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470';

interface StoredAccount {
  nonce: bigint;
  balance: bigint;
  codeHash: string;
  storage: Map<string, Uint8Array>;
}

export class MemoryState implements StateSource {
  readonly accounts: Map<string, StoredAccount> = new Map();
  readonly codes: Map<string, Uint8Array> = new Map();
  readonly reads: { account: number; code: number; storage: number } = {
    account: 0,
    code: 0,
    storage: 0,
  };

  getAccount(address: Uint8Array): AccountState | undefined {
    this.reads.account++;
    const account = this.accounts.get(toHex(address));
    return (
      account && {
        nonce: account.nonce,
        balance: account.balance,
        codeHash: fromHex(account.codeHash),
      }
    );
  }

  getCode(codeHash: Uint8Array): Uint8Array {
    this.reads.code++;
    return this.codes.get(toHex(codeHash)) ?? new Uint8Array(0);
  }

  getStorage(address: Uint8Array, slot: Uint8Array): Uint8Array | undefined {
    this.reads.storage++;
    return this.accounts.get(toHex(address))?.storage.get(toHex(slot));
  }

  /** The number in the last byte of 32, for blocks below 100. */
  getBlockHash(number: bigint): Uint8Array | undefined {
    return number < 100n ? new Uint8Array(32).fill(0xb0).with(31, Number(number)) : undefined;
  }

  account(address: Uint8Array): StoredAccount {
    const key = toHex(address);
    let account = this.accounts.get(key);
    if (account === undefined) {
      account = { nonce: 0n, balance: 0n, codeHash: emptyCodeHashHex, storage: new Map() };
      this.accounts.set(key, account);
    }
    return account;
  }

  setCode(address: Uint8Array, code: Uint8Array): void {
    const hash = toHex(engine.keccak256(code));
    this.codes.set(hash, code);
    this.account(address).codeHash = hash;
  }

  apply(execution: Execution): void {
    for (const change of execution.changes) {
      const key = toHex(change.address);
      if (change.isRemoved) {
        this.accounts.delete(key);
        continue;
      }
      const account = this.account(change.address);
      account.nonce = change.nonce;
      account.balance = change.balance;
      account.codeHash = toHex(change.codeHash);
      if (change.code !== undefined) this.codes.set(account.codeHash, change.code);
      if (change.isStorageReset) account.storage.clear();
      for (const { slot, value } of change.storage) {
        if (value.every((byte) => byte === 0)) account.storage.delete(toHex(slot));
        else account.storage.set(toHex(slot), value);
      }
    }
  }
}

export const block: BlockEnvironment = {
  number: 77n,
  timestamp: 1_800_000_000n,
  gasLimit: 60_000_000n,
  baseFee: 0n,
  beneficiary: new Uint8Array(20).fill(0xbe),
  prevrandao: new Uint8Array(32).fill(0x5a),
};

export const config: ExecutionConfig = { chainId: 1337n, spec: 'osaka' };

export const alice: Uint8Array = new Uint8Array(20).fill(0xa1);
export const bob: Uint8Array = new Uint8Array(20).fill(0xb0);

/** A plain type 2 transaction of alice without fee; fields override. */
export function transactionOf(fields: Partial<ExecutableTransaction> = {}): ExecutableTransaction {
  return {
    type: 2,
    sender: alice,
    chainId: config.chainId,
    nonce: 0n,
    gasLimit: 10_000_000n,
    maxFeePerGas: 0n,
    maxPriorityFeePerGas: 0n,
    to: undefined,
    value: 0n,
    input: new Uint8Array(0),
    accessList: [],
    authorizationList: [],
    ...fields,
  };
}

/** A state where alice has one ether. */
export function stateWithAlice(): MemoryState {
  const state = new MemoryState();
  state.account(alice).balance = 10n ** 18n;
  return state;
}

/** Executes a transaction of alice with her present nonce and applies it. */
export function send(state: MemoryState, fields: Partial<ExecutableTransaction>): Execution {
  const { nonce } = state.account(alice);
  const transaction = transactionOf({ nonce, ...fields });
  const execution = engine.execute({ mode: 'transaction', transaction, block, config }, state);
  state.apply(execution);
  return execution;
}
