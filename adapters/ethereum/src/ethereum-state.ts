/**
 * The Ethereum state in the store: names of its maps, typed reads, and the one way to write what
 * an execution changed. Any view of the store will do for reading: a committed state, the executed
 * state or a transaction under way.
 */
import { asSeqno, concatBytes, emptyBytes, equalBytes, type Seqno, utf8Encode } from '@coco/base';
import type { MapReader, Transaction } from '@coco/kv';
import { emptyCodeHash } from './engine-execution.ts';
import type { AccountChange, AccountState, StateSource } from './engine-types.ts';
import { ethereumError } from './errors.ts';
import { isZero, padWord, trimWord, u64Bytes, u64OfBytes } from './numbers.ts';
import {
  type BlockRecord,
  type ChainRecord,
  decodeAccount,
  decodeBlock,
  decodeChain,
  decodeTransactionRecord,
  encodeAccount,
  encodeBlock,
  encodeChain,
  encodeTransactionRecord,
  peekBlockHash,
  type TransactionRecord,
} from './state-codec.ts';

const accountsMap = 'ethereum.accounts';
const codeMap = 'ethereum.code';
const storageMap = 'ethereum.storage';
const blocksMap = 'ethereum.blocks';
const blockNumbersMap = 'ethereum.block_numbers';
const transactionsMap = 'ethereum.transactions';
const configMap = 'ethereum.config';
/** Every map that the adapter touches; all are private. */
export const ethereumMaps: readonly string[] = [
  accountsMap,
  codeMap,
  storageMap,
  blocksMap,
  blockNumbersMap,
  transactionsMap,
  configMap,
];

const chainKey: Uint8Array = utf8Encode('chain');

/** What reading needs of a view of the store. */
export interface StateView {
  map(name: string): MapReader;
}

export interface NumberedBlock extends BlockRecord {
  readonly number: bigint;
}

export class EthereumState implements StateSource {
  readonly #view: StateView;
  /** The maps that were read: looking one up costs as much as reading a row. */
  readonly #maps = new Map<string, MapReader>();

  constructor(view: StateView) {
    this.#view = view;
  }

  /** Whether genesis has been written. */
  get isFounded(): boolean {
    return this.#map(configMap).has(chainKey);
  }

  /** @throws EthereumStateInvalid before genesis. */
  chain(): ChainRecord {
    const bytes = this.#map(configMap).get(chainKey);
    if (!bytes) throw ethereumError('EthereumStateInvalid', 'The chain has no genesis.');
    return chainOf(bytes);
  }

  getAccount(address: Uint8Array): AccountState | undefined {
    const bytes = this.#map(accountsMap).get(address);
    return bytes && decodeAccount(bytes);
  }

  getCode(codeHash: Uint8Array): Uint8Array {
    if (equalBytes(codeHash, emptyCodeHash)) return emptyBytes;
    const code = this.#map(codeMap).get(codeHash);
    if (!code) throw ethereumError('EthereumStateInvalid', 'The code of an account is missing.');
    return code;
  }

  getStorage(address: Uint8Array, slot: Uint8Array): Uint8Array | undefined {
    const value = this.#map(storageMap).get(concatBytes(address, slot));
    return value && padWord(value);
  }

  getBlockHash(number: bigint): Uint8Array | undefined {
    const bytes = this.#map(blocksMap).get(u64Bytes(number));
    return bytes && peekBlockHash(bytes).slice();
  }

  /** The number of the last block. */
  headNumber(): bigint {
    for (const row of this.#map(blocksMap).range({ reverse: true, limit: 1 })) {
      return u64OfBytes(row.key);
    }
    throw ethereumError('EthereumStateInvalid', 'The chain has no genesis.');
  }

  block(number: bigint): NumberedBlock | undefined {
    const bytes = this.#map(blocksMap).get(u64Bytes(number));
    return bytes && { number, ...decodeBlock(bytes) };
  }

  head(): NumberedBlock {
    const head = this.block(this.headNumber());
    if (!head) throw ethereumError('EthereumStateInvalid', 'The last block is missing.');
    return head;
  }

  blockNumberOf(hash: Uint8Array): bigint | undefined {
    const bytes = this.#map(blockNumbersMap).get(hash);
    return bytes && u64OfBytes(bytes);
  }

  /** Encoded blocks of a range of numbers, both ends included; for scans that decode little. */
  *blockRows(from: bigint, to: bigint): Iterable<{ number: bigint; bytes: Uint8Array }> {
    const options = { from: u64Bytes(from), to: u64Bytes(to + 1n) };
    for (const row of this.#map(blocksMap).range(options)) {
      yield { number: u64OfBytes(row.key), bytes: row.value };
    }
  }

  transaction(hash: Uint8Array): TransactionRecord | undefined {
    const bytes = this.#map(transactionsMap).get(hash);
    return bytes && decodeTransactionRecord(bytes);
  }

  hasTransaction(hash: Uint8Array): boolean {
    return this.#map(transactionsMap).has(hash);
  }

  /** The seqno of the ledger entry that executed a transaction: a record is written once. */
  seqnoOfTransaction(hash: Uint8Array): Seqno | undefined {
    const version = this.#map(transactionsMap).versionOf(hash);
    return version === undefined ? undefined : asSeqno(version);
  }

  #map(name: string): MapReader {
    const known = this.#maps.get(name);
    if (known) return known;
    const map = this.#view.map(name);
    this.#maps.set(name, map);
    return map;
  }
}

/** What was decoded last: the chain's rules are read for every transaction and change rarely. */
let lastChain: { readonly bytes: Uint8Array; readonly chain: ChainRecord } | undefined;

function chainOf(bytes: Uint8Array): ChainRecord {
  if (!lastChain || !equalBytes(lastChain.bytes, bytes)) {
    lastChain = { bytes, chain: decodeChain(bytes) };
  }
  return lastChain.chain;
}

export function writeChain(transaction: Pick<Transaction, 'map'>, chain: ChainRecord): void {
  transaction.map(configMap).set(chainKey, encodeChain(chain));
}

export function writeBlock(transaction: Transaction, block: NumberedBlock): void {
  const number = u64Bytes(block.number);
  transaction.map(blocksMap).set(number, encodeBlock(block));
  transaction.map(blockNumbersMap).set(block.hash, number);
}

export function writeTransaction(
  transaction: Transaction,
  hash: Uint8Array,
  record: TransactionRecord,
): void {
  transaction.map(transactionsMap).set(hash, encodeTransactionRecord(record));
}

/** Writes what an execution changed. */
export function applyChanges(transaction: Transaction, changes: readonly AccountChange[]): void {
  for (const change of changes) {
    if (change.isStorageReset || change.isRemoved) clearStorage(transaction, change.address);
    if (change.isRemoved) {
      transaction.map(accountsMap).delete(change.address);
      continue;
    }
    transaction.map(accountsMap).set(change.address, encodeAccount(change));
    if (change.code && change.code.length > 0) {
      transaction.map(codeMap).set(change.codeHash, change.code);
    }
    const storage = transaction.map(storageMap);
    for (const { slot, value } of change.storage) {
      const key = concatBytes(change.address, slot);
      if (isZero(value)) storage.delete(key);
      else storage.set(key, trimWord(value));
    }
  }
}

/** Few slots in practice: since EIP-6780 only what one transaction created can be cleared. */
function clearStorage(transaction: Transaction, address: Uint8Array): void {
  const storage = transaction.map(storageMap);
  const last = concatBytes(address, new Uint8Array(33).fill(0xff));
  const keys = [...storage.range({ from: address, to: last })].map((row) => row.key);
  for (const key of keys) storage.delete(key);
}
