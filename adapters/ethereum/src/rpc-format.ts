/** Blocks, transactions, receipts and logs as JSON-RPC shows them (execution-apis, geth's fields). */
import { concatBytes, type JsonValue } from '@coco/base';
import {
  emptyOmmersHash,
  emptyRequestsHash,
  emptyTrieRoot,
  zeroHash,
  zeroNonce,
} from './block-header.ts';
import type {
  BlockEnvironment,
  DecodedTransaction,
  EventLog,
  ExecutionEngine,
  ReceiptFields,
} from './engine-types.ts';
import type { NumberedBlock } from './ethereum-state.ts';
import { bigToBytes, bytesToBig, toData, toQuantity } from './numbers.ts';
import type { TransactionRecord } from './state-codec.ts';

type JsonObject = { readonly [key: string]: JsonValue };

/** A committed transaction with its block. */
export interface LocatedTransaction {
  readonly hash: Uint8Array;
  readonly record: TransactionRecord;
  readonly decoded: DecodedTransaction;
  readonly block: NumberedBlock;
}

/** The fields of a header that are the same for every block and that pending blocks have too. */
const fixedHeaderJson: JsonObject = {
  sha3Uncles: toData(emptyOmmersHash),
  difficulty: '0x0',
  extraData: '0x',
  withdrawalsRoot: toData(emptyTrieRoot),
  blobGasUsed: '0x0',
  excessBlobGas: '0x0',
  parentBeaconBlockRoot: toData(zeroHash),
  requestsHash: toData(emptyRequestsHash),
};

/** What a block has beside its header; the same for every block. */
const fixedBodyJson: JsonObject = { uncles: [], withdrawals: [] };

export function blockJson(block: NumberedBlock, transactions: readonly JsonValue[]): JsonObject {
  return {
    ...headJson(block),
    ...fixedBodyJson,
    size: toQuantity(block.sizeBytes),
    transactions,
  };
}

/** The header alone, as subscriptions tell it. */
export function headJson(block: NumberedBlock): JsonObject {
  return {
    ...fixedHeaderJson,
    number: toQuantity(block.number),
    hash: toData(block.hash),
    parentHash: toData(block.parentHash),
    nonce: toData(zeroNonce),
    logsBloom: toData(block.logsBloom),
    transactionsRoot: toData(block.transactionsRoot),
    stateRoot: toData(block.stateRoot),
    receiptsRoot: toData(block.receiptsRoot),
    miner: toData(block.beneficiary),
    gasLimit: toQuantity(block.gasLimit),
    gasUsed: toQuantity(block.gasUsed),
    timestamp: toQuantity(block.timestamp),
    mixHash: toData(block.prevrandao),
    baseFeePerGas: toQuantity(block.baseFee),
  };
}

/** The block being filled: what its seal decides is null, as in geth. */
export function pendingBlockJson(
  environment: BlockEnvironment,
  parentHash: Uint8Array,
  content: { readonly gasUsed: bigint; readonly transactions: readonly JsonValue[] },
): JsonObject {
  return {
    ...fixedHeaderJson,
    ...fixedBodyJson,
    number: toQuantity(environment.number),
    hash: null,
    parentHash: toData(parentHash),
    nonce: null,
    logsBloom: toData(new Uint8Array(256)),
    transactionsRoot: toData(emptyTrieRoot),
    stateRoot: toData(zeroHash),
    receiptsRoot: toData(emptyTrieRoot),
    miner: null,
    size: '0x0',
    gasLimit: toQuantity(environment.gasLimit),
    gasUsed: toQuantity(content.gasUsed),
    timestamp: toQuantity(environment.timestamp),
    mixHash: toData(zeroHash),
    baseFeePerGas: toQuantity(environment.baseFee),
    transactions: content.transactions,
  };
}

function typeFields(decoded: DecodedTransaction): JsonObject {
  const { type, chainId, accessList, authorizationList, yParity } = decoded;
  if (type === 0) {
    const v = chainId === undefined ? 27n + BigInt(yParity) : chainId * 2n + 35n + BigInt(yParity);
    return chainId === undefined
      ? { v: toQuantity(v) }
      : { chainId: toQuantity(chainId), v: toQuantity(v) };
  }
  const fields: JsonObject = {
    chainId: toQuantity(chainId ?? 0n),
    accessList: accessList.map((item) => ({
      address: toData(item.address),
      storageKeys: item.storageKeys.map(toData),
    })),
    v: toQuantity(yParity),
    yParity: toQuantity(yParity),
  };
  if (type !== 4) return fields;
  return {
    ...fields,
    authorizationList: authorizationList.map((authorization) => ({
      chainId: toQuantity(authorization.chainId),
      address: toData(authorization.address),
      nonce: toQuantity(authorization.nonce),
      yParity: toQuantity(authorization.yParity),
      r: toQuantity(bytesToBig(authorization.r)),
      s: toQuantity(bytesToBig(authorization.s)),
    })),
  };
}

function transactionFields(decoded: DecodedTransaction, sender: Uint8Array): JsonObject {
  const fees: JsonObject =
    decoded.maxPriorityFeePerGas === undefined
      ? {}
      : {
          maxFeePerGas: toQuantity(decoded.maxFeePerGas),
          maxPriorityFeePerGas: toQuantity(decoded.maxPriorityFeePerGas),
        };
  return {
    hash: toData(decoded.hash),
    type: toQuantity(decoded.type),
    from: toData(sender),
    to: decoded.to ? toData(decoded.to) : null,
    nonce: toQuantity(decoded.nonce),
    gas: toQuantity(decoded.gasLimit),
    gasPrice: toQuantity(decoded.maxFeePerGas),
    ...fees,
    value: toQuantity(decoded.value),
    input: toData(decoded.input),
    ...typeFields(decoded),
    r: toQuantity(bytesToBig(decoded.r)),
    s: toQuantity(bytesToBig(decoded.s)),
  };
}

/** A transaction that is not in a committed block. */
export function pendingTransactionJson(
  decoded: DecodedTransaction,
  sender: Uint8Array,
): JsonObject {
  return {
    ...transactionFields(decoded, sender),
    blockHash: null,
    blockNumber: null,
    transactionIndex: null,
  };
}

export function transactionJson({ record, decoded, block }: LocatedTransaction): JsonObject {
  return {
    ...transactionFields(decoded, record.sender),
    gasPrice: toQuantity(record.effectiveGasPrice),
    blockHash: toData(block.hash),
    blockNumber: toQuantity(block.number),
    blockTimestamp: toQuantity(block.timestamp),
    transactionIndex: toQuantity(record.index),
  };
}

export function receiptFields({ record, decoded }: LocatedTransaction): ReceiptFields {
  const { isSuccess, cumulativeGasUsed, logs } = record;
  return { type: decoded.type, isSuccess, cumulativeGasUsed, logs };
}

export function receiptJson(located: LocatedTransaction, engine: ExecutionEngine): JsonObject {
  const { record, decoded, block, hash } = located;
  const created = decoded.to ? null : toData(contractAddress(record.sender, decoded.nonce, engine));
  return {
    transactionHash: toData(hash),
    transactionIndex: toQuantity(record.index),
    blockHash: toData(block.hash),
    blockNumber: toQuantity(block.number),
    type: toQuantity(decoded.type),
    from: toData(record.sender),
    to: decoded.to ? toData(decoded.to) : null,
    contractAddress: created,
    cumulativeGasUsed: toQuantity(record.cumulativeGasUsed),
    gasUsed: toQuantity(record.gasUsed),
    effectiveGasPrice: toQuantity(record.effectiveGasPrice),
    status: record.isSuccess ? '0x1' : '0x0',
    logsBloom: toData(engine.encodeReceipt(receiptFields(located)).logsBloom),
    logs: record.logs.map((_, at) => logJson(located, at)),
  };
}

/** The log at a position in its transaction. */
export function logJson(located: Omit<LocatedTransaction, 'decoded'>, at: number): JsonObject {
  const { record, block, hash } = located;
  const log = record.logs[at] as EventLog;
  return {
    address: toData(log.address),
    topics: log.topics.map(toData),
    data: toData(log.data),
    blockNumber: toQuantity(block.number),
    blockHash: toData(block.hash),
    blockTimestamp: toQuantity(block.timestamp),
    transactionHash: toData(hash),
    transactionIndex: toQuantity(record.index),
    logIndex: toQuantity(record.firstLogIndex + at),
    removed: false,
  };
}

/** keccak-256(rlp([sender, nonce])), its last 20 bytes: where a creating transaction creates. */
function contractAddress(
  sender: Uint8Array,
  nonce: bigint,
  engine: Pick<ExecutionEngine, 'keccak256'>,
): Uint8Array {
  const digits = bigToBytes(nonce);
  const isOwnByte = digits.length === 1 && (digits[0] as number) < 0x80;
  const nonceItem = isOwnByte ? digits : concatBytes(Uint8Array.of(0x80 + digits.length), digits);
  const payload = concatBytes(Uint8Array.of(0x94), sender, nonceItem);
  return engine.keccak256(concatBytes(Uint8Array.of(0xc0 + payload.length), payload)).subarray(12);
}
