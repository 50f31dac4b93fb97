/**
 * The records of the Ethereum state as bytes: docs/formats/ethereum-state.md. Each begins with a
 * version, so that a later format can stand beside this one. Integers are little-endian as in
 * every format of Coco; what Ethereum hashes is big-endian and stays as Ethereum has it.
 */
import { asView, ByteReader, ByteWriter, LedgerError, type View } from '@coco/base';
import { emptyCodeHash } from './engine-execution.ts';
import type { AccountState, EventLog, Spec } from './engine-types.ts';
import { ethereumError } from './errors.ts';
import { bigToBytes, bytesToBig } from './numbers.ts';

const version = 1;
const addressBytes = 20;
const hashBytes = 32;
const bloomBytes = 256;

/** What holds for the whole chain; written by genesis. */
export interface ChainRecord {
  readonly chainId: bigint;
  readonly spec: Spec;
  readonly blockGasLimit: bigint;
  readonly baseFee: bigint;
  readonly beneficiary: Uint8Array;
  /** `undefined`: the spec's own cap (EIP-7825). */
  readonly transactionGasMax: bigint | undefined;
  readonly visibility: Visibility;
}

/** Who may read: everybody, or callers who prove that they are a member or a user. */
export type Visibility = 'public' | 'consortium';

/** A block as stored; its number is its key. */
export interface BlockRecord {
  /** The view in which the block and its transactions were written. */
  readonly view: View;
  readonly hash: Uint8Array;
  readonly parentHash: Uint8Array;
  readonly stateRoot: Uint8Array;
  readonly transactionsRoot: Uint8Array;
  readonly receiptsRoot: Uint8Array;
  readonly prevrandao: Uint8Array;
  readonly beneficiary: Uint8Array;
  readonly timestamp: bigint;
  readonly gasLimit: bigint;
  readonly gasUsed: bigint;
  readonly baseFee: bigint;
  /** Length of the block's RLP. */
  readonly sizeBytes: number;
  readonly logsBloom: Uint8Array;
  readonly transactionHashes: readonly Uint8Array[];
}

/** An executed transaction with what its receipt needs; its hash is its key. */
export interface TransactionRecord {
  readonly blockNumber: bigint;
  readonly index: number;
  readonly isSuccess: boolean;
  readonly gasUsed: bigint;
  readonly cumulativeGasUsed: bigint;
  readonly effectiveGasPrice: bigint;
  /** The position of its first log in its block. */
  readonly firstLogIndex: number;
  readonly sender: Uint8Array;
  /** Private; opens the claim of the ledger entry (claims.ts). */
  readonly salt: Uint8Array;
  /** The signed transaction as it came (EIP-2718). */
  readonly raw: Uint8Array;
  readonly logs: readonly EventLog[];
}

function begin(capacity: number): ByteWriter {
  return new ByteWriter(capacity).u8(version);
}

/** Bytes up to 255 with their length in one byte. */
function putShort(writer: ByteWriter, bytes: Uint8Array): ByteWriter {
  return writer.u8(bytes.length).raw(bytes);
}

function putLong(writer: ByteWriter, bytes: Uint8Array): ByteWriter {
  return writer.u32(bytes.length).raw(bytes);
}

function putBig(writer: ByteWriter, value: bigint): ByteWriter {
  return putShort(writer, bigToBytes(value));
}

const takeBig = (reader: ByteReader): bigint => bytesToBig(reader.raw(reader.u8()));

/** Decodes a whole record; what it gives are views of `bytes`. @throws EthereumStateInvalid when bytes are missing, left or strange. */
function decode<Value>(bytes: Uint8Array, read: (reader: ByteReader) => Value): Value {
  const reader = new ByteReader(bytes);
  try {
    const found = reader.u8();
    if (found !== version) {
      throw ethereumError('EthereumStateInvalid', 'A record has an unknown version.', { found });
    }
    const value = read(reader);
    reader.end();
    return value;
  } catch (cause) {
    if (cause instanceof LedgerError && cause.code === 'InvalidInput') {
      throw ethereumError('EthereumStateInvalid', 'A stored record does not decode.', {}, cause);
    }
    throw cause;
  }
}

const hasGasMaxFlag = 1;
const consortiumFlag = 2;

export function encodeChain(chain: ChainRecord): Uint8Array {
  const writer = begin(64);
  putBig(writer, chain.chainId).u8(chain.spec === 'prague' ? 0 : 1);
  putBig(writer, chain.blockGasLimit);
  putBig(writer, chain.baseFee).raw(chain.beneficiary);
  const hasGasMax = chain.transactionGasMax !== undefined ? hasGasMaxFlag : 0;
  writer.u8(hasGasMax | (chain.visibility === 'consortium' ? consortiumFlag : 0));
  if (chain.transactionGasMax !== undefined) putBig(writer, chain.transactionGasMax);
  return writer.done();
}

/** @throws EthereumStateInvalid */
export function decodeChain(bytes: Uint8Array): ChainRecord {
  return decode(bytes, (reader) => {
    const chain = {
      chainId: takeBig(reader),
      spec: reader.u8() === 0 ? ('prague' as const) : ('osaka' as const),
      blockGasLimit: takeBig(reader),
      baseFee: takeBig(reader),
      beneficiary: reader.raw(addressBytes),
    };
    const flags = reader.u8();
    return {
      ...chain,
      transactionGasMax: flags & hasGasMaxFlag ? takeBig(reader) : undefined,
      visibility: flags & consortiumFlag ? 'consortium' : 'public',
    };
  });
}

const hasCodeFlag = 1;

export function encodeAccount(account: AccountState): Uint8Array {
  const hasCode = Buffer.compare(account.codeHash, emptyCodeHash) !== 0;
  const writer = begin(80).u8(hasCode ? hasCodeFlag : 0);
  putBig(putBig(writer, account.nonce), account.balance);
  if (hasCode) writer.raw(account.codeHash);
  return writer.done();
}

/** @throws EthereumStateInvalid */
export function decodeAccount(bytes: Uint8Array): AccountState {
  return decode(bytes, (reader) => {
    const hasCode = reader.u8() === hasCodeFlag;
    const nonce = takeBig(reader);
    const balance = takeBig(reader);
    return { nonce, balance, codeHash: hasCode ? reader.raw(hashBytes) : emptyCodeHash };
  });
}

/** Fixed places in a block record, so that scans need not decode it. */
const blockHashAt = 5;
const blockBloomFlagAt = 245;

export function encodeBlock(block: BlockRecord): Uint8Array {
  const writer = begin(600).u32(block.view).raw(block.hash).raw(block.parentHash);
  writer.raw(block.stateRoot).raw(block.transactionsRoot).raw(block.receiptsRoot);
  writer.raw(block.prevrandao).raw(block.beneficiary);
  writer.u64(Number(block.timestamp)).u64(Number(block.gasLimit)).u64(Number(block.gasUsed));
  writer.u32(block.sizeBytes);
  const hasBloom = block.logsBloom.some((byte) => byte !== 0);
  writer.u8(hasBloom ? 1 : 0);
  if (hasBloom) writer.raw(block.logsBloom);
  putBig(writer, block.baseFee).u32(block.transactionHashes.length);
  for (const hash of block.transactionHashes) writer.raw(hash);
  return writer.done();
}

/** @throws EthereumStateInvalid */
export function decodeBlock(bytes: Uint8Array): BlockRecord {
  return decode(bytes, (reader) => {
    const fixed = {
      view: asView(reader.u32()),
      hash: reader.raw(hashBytes),
      parentHash: reader.raw(hashBytes),
      stateRoot: reader.raw(hashBytes),
      transactionsRoot: reader.raw(hashBytes),
      receiptsRoot: reader.raw(hashBytes),
      prevrandao: reader.raw(hashBytes),
      beneficiary: reader.raw(addressBytes),
      timestamp: BigInt(reader.u64()),
      gasLimit: BigInt(reader.u64()),
      gasUsed: BigInt(reader.u64()),
      sizeBytes: reader.u32(),
    };
    const logsBloom = reader.u8() === 1 ? reader.raw(bloomBytes) : new Uint8Array(bloomBytes);
    const baseFee = takeBig(reader);
    const transactionHashes: Uint8Array[] = [];
    const count = reader.u32();
    for (let at = 0; at < count; at++) transactionHashes.push(reader.raw(hashBytes));
    return { ...fixed, logsBloom, baseFee, transactionHashes };
  });
}

/** The hash out of an encoded block record. */
export function peekBlockHash(bytes: Uint8Array): Uint8Array {
  return bytes.subarray(blockHashAt, blockHashAt + hashBytes);
}

/** The bloom out of an encoded block record; `undefined` when the block has no logs. */
export function peekBlockBloom(bytes: Uint8Array): Uint8Array | undefined {
  const at = blockBloomFlagAt + 1;
  return bytes[blockBloomFlagAt] === 1 ? bytes.subarray(at, at + bloomBytes) : undefined;
}

export function encodeTransactionRecord(record: TransactionRecord): Uint8Array {
  const writer = begin(512).u64(Number(record.blockNumber)).u32(record.index);
  writer.u8(record.isSuccess ? 1 : 0).u64(Number(record.gasUsed));
  writer.u64(Number(record.cumulativeGasUsed)).u32(record.firstLogIndex).raw(record.sender);
  writer.raw(record.salt);
  putLong(putBig(writer, record.effectiveGasPrice), record.raw).u32(record.logs.length);
  for (const log of record.logs) {
    writer.raw(log.address).u8(log.topics.length);
    for (const topic of log.topics) writer.raw(topic);
    putLong(writer, log.data);
  }
  return writer.done();
}

/** @throws EthereumStateInvalid */
export function decodeTransactionRecord(bytes: Uint8Array): TransactionRecord {
  return decode(bytes, (reader) => {
    const fixed = {
      blockNumber: BigInt(reader.u64()),
      index: reader.u32(),
      isSuccess: reader.u8() === 1,
      gasUsed: BigInt(reader.u64()),
      cumulativeGasUsed: BigInt(reader.u64()),
      firstLogIndex: reader.u32(),
      sender: reader.raw(addressBytes),
    };
    return {
      ...fixed,
      salt: reader.raw(hashBytes),
      effectiveGasPrice: takeBig(reader),
      raw: reader.raw(reader.u32()),
      logs: takeLogs(reader),
    };
  });
}

function takeLogs(reader: ByteReader): readonly EventLog[] {
  const logs: EventLog[] = [];
  const count = reader.u32();
  for (let at = 0; at < count; at++) {
    const address = reader.raw(addressBytes);
    const topics: Uint8Array[] = [];
    const topicCount = reader.u8();
    for (let topic = 0; topic < topicCount; topic++) topics.push(reader.raw(hashBytes));
    logs.push({ address, topics, data: reader.raw(reader.u32()) });
  }
  return logs;
}
