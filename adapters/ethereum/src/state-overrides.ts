/** A state with some accounts as the caller of eth_call wishes them (geth's state override set). */
import { concatBytes, isJsonObject, type JsonValue, toHex } from '@coco/base';
import { emptyCodeHash } from './engine-execution.ts';
import type { AccountChange, AccountState, StateSource } from './engine-types.ts';
import { isZero, toData } from './numbers.ts';
import { invalid, parseData, parseFixed, parseQuantity } from './rpc-parameters.ts';

/** Overrides are held in memory for one call only. */
const accountsMax = 1000;
const slotsMax = 10_000;

interface Override {
  readonly nonce: bigint | undefined;
  readonly balance: bigint | undefined;
  readonly codeHash: Uint8Array | undefined;
  /** Whether slots that are not listed are zero. */
  readonly isWhole: boolean;
}

/**
 * Puts overrides from JSON around a source; the same source when there are none.
 * @throws JsonRpcInvalidParameters
 */
export function overrideState(
  source: StateSource,
  value: JsonValue | undefined,
  keccak256: (bytes: Uint8Array) => Uint8Array,
): StateSource {
  if (value === undefined) return source;
  if (!isJsonObject(value)) throw invalid('invalid state overrides');
  const entries = Object.entries(value);
  if (entries.length > accountsMax) throw invalid('too many state overrides');
  const accounts = new Map<string, Override>();
  const codes = new Map<string, Uint8Array>();
  const slots = new Map<string, Uint8Array>();
  for (const [address, wish] of entries) {
    const account = parseFixed(address, 20, 'address');
    if (!isJsonObject(wish)) throw invalid('invalid state overrides');
    if (wish.movePrecompileToAddress !== undefined) {
      throw invalid('movePrecompileToAddress is not served');
    }
    if (wish.state && wish.stateDiff) {
      throw invalid(`account ${toData(account)} has both 'state' and 'stateDiff'`);
    }
    const code = wish.code === undefined ? undefined : parseData(wish.code);
    const codeHash = code && keccak256(code);
    if (code && codeHash) codes.set(toHex(codeHash), code);
    accounts.set(toHex(account), {
      nonce: wish.nonce === undefined ? undefined : parseQuantity(wish.nonce),
      balance: wish.balance === undefined ? undefined : parseQuantity(wish.balance),
      codeHash,
      isWhole: wish.state !== undefined,
    });
    addSlots(slots, account, wish.state ?? wish.stateDiff);
  }
  return overriddenSource(source, accounts, codes, slots);
}

function addSlots(
  slots: Map<string, Uint8Array>,
  account: Uint8Array,
  wish: JsonValue | undefined,
): void {
  if (wish === undefined) return;
  if (!isJsonObject(wish)) throw invalid('invalid state overrides');
  for (const [slot, value] of Object.entries(wish)) {
    if (slots.size >= slotsMax) throw invalid('too many state overrides');
    const key = concatBytes(account, parseFixed(slot, 32, 'hash'));
    slots.set(toHex(key), parseFixed(value, 32, 'hash'));
  }
}

function overriddenSource(
  source: StateSource,
  accounts: ReadonlyMap<string, Override>,
  codes: ReadonlyMap<string, Uint8Array>,
  slots: ReadonlyMap<string, Uint8Array>,
): StateSource {
  return {
    getAccount: (address): AccountState | undefined => {
      const before = source.getAccount(address);
      const wish = accounts.get(toHex(address));
      if (!wish) return before;
      return {
        nonce: wish.nonce ?? before?.nonce ?? 0n,
        balance: wish.balance ?? before?.balance ?? 0n,
        codeHash: wish.codeHash ?? before?.codeHash ?? emptyCodeHash,
      };
    },
    getCode: (hash) => codes.get(toHex(hash)) ?? source.getCode(hash),
    getStorage: (address, slot) => {
      const account = toHex(address);
      const wish = slots.get(account + toHex(slot));
      if (wish) return wish;
      return accounts.get(account)?.isWhole ? undefined : source.getStorage(address, slot);
    },
    getBlockHash: (number) => source.getBlockHash(number),
  };
}

interface Changed {
  /** Undefined: the account is gone. */
  readonly account: AccountState | undefined;
  /** Whether slots that are not listed are zero. */
  readonly isWhole: boolean;
  readonly slots: ReadonlyMap<string, Uint8Array>;
}

export class OverlayState implements StateSource {
  readonly #source: StateSource;
  readonly #accounts = new Map<string, Changed>();
  readonly #codes = new Map<string, Uint8Array>();
  readonly #hashes = new Map<bigint, Uint8Array>();

  constructor(source: StateSource) {
    this.#source = source;
  }

  getAccount(address: Uint8Array): AccountState | undefined {
    const changed = this.#accounts.get(toHex(address));
    return changed ? changed.account : this.#source.getAccount(address);
  }

  getCode(codeHash: Uint8Array): Uint8Array {
    return this.#codes.get(toHex(codeHash)) ?? this.#source.getCode(codeHash);
  }

  getStorage(address: Uint8Array, slot: Uint8Array): Uint8Array | undefined {
    const changed = this.#accounts.get(toHex(address));
    const value = changed?.slots.get(toHex(slot));
    if (value) return isZero(value) ? undefined : value;
    return changed?.isWhole ? undefined : this.#source.getStorage(address, slot);
  }

  getBlockHash(number: bigint): Uint8Array | undefined {
    return this.#hashes.get(number) ?? this.#source.getBlockHash(number);
  }

  setBlockHash(number: bigint, hash: Uint8Array): void {
    this.#hashes.set(number, hash);
  }

  /** The state as it is now; for executions that end before the next change. */
  view(): StateSource {
    return {
      getAccount: (address) => this.getAccount(address),
      getCode: (codeHash) => this.getCode(codeHash),
      getStorage: (address, slot) => this.getStorage(address, slot),
      getBlockHash: (number) => this.getBlockHash(number),
    };
  }

  /** Lets the changes of an execution count from here on. */
  apply(changes: readonly AccountChange[]): void {
    for (const change of changes) {
      const key = toHex(change.address);
      const before = this.#accounts.get(key);
      const isWhole = change.isRemoved || change.isStorageReset;
      const slots = new Map(isWhole ? [] : before?.slots);
      for (const { slot, value } of change.storage) slots.set(toHex(slot), value);
      const { nonce, balance, codeHash, code } = change;
      if (code) this.#codes.set(toHex(codeHash), code);
      const account = change.isRemoved ? undefined : { nonce, balance, codeHash };
      this.#accounts.set(key, { account, isWhole: isWhole || (before?.isWhole ?? false), slots });
    }
  }
}

/** Whether an account has neither nonce nor balance nor code (EIP-161). */
export function isEmptyAccount({ nonce, balance, codeHash }: AccountState): boolean {
  return nonce === 0n && balance === 0n && toHex(codeHash) === toHex(emptyCodeHash);
}
