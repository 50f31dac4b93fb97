/**
 * A simulated block as eth_simulateV1 shows it: header, hashes and roots are computed as those of a
 * block are, of transactions that nobody signed.
 */
import { concatBytes, type JsonValue } from '@coco/base';
import { concludeHeader, type HeaderContent } from './block-header.ts';
import type { BlockEnvironment, EventLog, Execution, ReceiptFields } from './engine-types.ts';
import type { NumberedBlock } from './ethereum-state.ts';
import { bigToBytes, padWord, toData, toQuantity } from './numbers.ts';
import { revertMessage } from './revert-reason.ts';
import type { RpcContext } from './rpc-context.ts';
import { blockJson } from './rpc-format.ts';
import type { CallParameters } from './rpc-parameters.ts';
import { nextStateDigest } from './state-digest.ts';
import type { TracedFrame } from './trace-types.ts';

type JsonObject = { readonly [key: string]: JsonValue };

/** A call that was executed in its block. */
export interface Simulated {
  readonly call: CallParameters;
  readonly nonce: bigint;
  readonly gas: bigint;
  readonly execution: Execution;
  /** With transfers of ether, where they are wished. */
  readonly logs: readonly EventLog[];
  readonly cumulativeGasUsed: bigint;
}

const revertCode = 3;
const haltCode = -32015;
/** Whose log a transfer of ether seems to be (ERC-7528), and its topic: Transfer of ERC-20. */
const etherAddress = new Uint8Array(20).fill(0xee);
const transferTopic = Uint8Array.from(
  Buffer.from('ddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef', 'hex'),
);

export function simulatedBlock(
  { engine, settings }: RpcContext,
  made: {
    readonly parent: NumberedBlock;
    readonly environment: BlockEnvironment;
    readonly simulated: readonly Simulated[];
    readonly isFull: boolean;
  },
): { readonly block: NumberedBlock; readonly json: JsonObject } {
  const { parent, environment, simulated, isFull } = made;
  const keccak256 = (bytes: Uint8Array): Uint8Array => engine.keccak256(bytes);
  const raws = simulated.map((one) => unsignedBytes(one, settings.chainId));
  const hashes = raws.map(keccak256);
  const receipts = simulated.map(({ execution, logs, cumulativeGasUsed }): ReceiptFields => {
    return { type: 2, isSuccess: execution.status === 'success', cumulativeGasUsed, logs };
  });
  const stateRoot = simulated.reduce(
    (digest, { execution }) => nextStateDigest(digest, execution.changes, keccak256),
    parent.stateRoot,
  );
  const content: HeaderContent = {
    ...environment,
    ...engine.blockRoots(raws, receipts),
    parentHash: parent.hash,
    stateRoot,
    gasUsed: simulated.at(-1)?.cumulativeGasUsed ?? 0n,
  };
  const concluded = concludeHeader(engine, content, raws);
  const block = { ...content, ...concluded, view: parent.view, transactionHashes: hashes };
  const transactions = simulated.map((one, at): JsonValue => {
    const hash = hashes[at] as Uint8Array;
    return isFull
      ? transactionJson(one, { block, hash, at, chainId: settings.chainId })
      : toData(hash);
  });
  let logIndex = 0;
  const calls = simulated.map((one, at) => {
    const json = callJson(one, { block, hash: hashes[at] as Uint8Array, at, logIndex });
    logIndex += shownLogs(one).length;
    return json;
  });
  return { block, json: { ...blockJson(block, transactions), calls } };
}

/** What failed logged nothing. */
function shownLogs({ execution, logs }: Simulated): readonly EventLog[] {
  return execution.status === 'success' ? logs : [];
}

function callJson(
  one: Simulated,
  place: {
    readonly block: NumberedBlock;
    readonly hash: Uint8Array;
    readonly at: number;
    readonly logIndex: number;
  },
): JsonObject {
  const { execution } = one;
  const { block, hash, at, logIndex } = place;
  return {
    returnData: toData(execution.output),
    logs: shownLogs(one).map((log, index) => ({
      address: toData(log.address),
      topics: log.topics.map(toData),
      data: toData(log.data),
      blockNumber: toQuantity(block.number),
      blockHash: toData(block.hash),
      blockTimestamp: toQuantity(block.timestamp),
      transactionHash: toData(hash),
      transactionIndex: toQuantity(at),
      logIndex: toQuantity(logIndex + index),
      removed: false,
    })),
    gasUsed: toQuantity(execution.gasUsed),
    status: execution.status === 'success' ? '0x1' : '0x0',
    ...errorFields(execution),
  };
}

function errorFields(execution: Execution): JsonObject {
  switch (execution.status) {
    case 'success':
      return {};
    case 'revert': {
      const { output } = execution;
      return {
        error: { code: revertCode, message: revertMessage(output), data: toData(output) },
      };
    }
    case 'halt':
      return { error: { code: haltCode, message: execution.message } };
  }
}

function transactionJson(
  { call, nonce, gas }: Simulated,
  place: {
    readonly block: NumberedBlock;
    readonly hash: Uint8Array;
    readonly at: number;
    readonly chainId: bigint;
  },
): JsonObject {
  const { block, hash, at, chainId } = place;
  return {
    hash: toData(hash),
    type: '0x2',
    chainId: toQuantity(chainId),
    from: toData(call.from),
    to: call.to ? toData(call.to) : null,
    nonce: toQuantity(nonce),
    gas: toQuantity(gas),
    gasPrice: toQuantity(call.feeCap),
    maxFeePerGas: toQuantity(call.feeCap),
    maxPriorityFeePerGas: toQuantity(call.tip ?? 0n),
    value: toQuantity(call.value),
    input: toData(call.input),
    accessList: call.accessList.map(({ address, storageKeys }) => ({
      address: toData(address),
      storageKeys: storageKeys.map(toData),
    })),
    blockHash: toData(block.hash),
    blockNumber: toQuantity(block.number),
    blockTimestamp: toQuantity(block.timestamp),
    transactionIndex: toQuantity(at),
    v: '0x0',
    yParity: '0x0',
    r: '0x0',
    s: '0x0',
  };
}

/** EIP-1559's encoding with an empty signature. */
function unsignedBytes({ call, nonce, gas }: Simulated, chainId: bigint): Uint8Array {
  const number = (value: bigint): Uint8Array => rlpBytes(bigToBytes(value));
  const accessList = call.accessList.map(({ address, storageKeys }) =>
    rlpList([rlpBytes(address), rlpList(storageKeys.map(rlpBytes))]),
  );
  const fields = [
    ...[chainId, nonce, call.tip ?? 0n, call.feeCap, gas].map(number),
    rlpBytes(call.to ?? new Uint8Array(0)),
    number(call.value),
    rlpBytes(call.input),
    rlpList(accessList),
    ...[0n, 0n, 0n].map(number),
  ];
  return concatBytes(Uint8Array.of(2), rlpList(fields));
}

function rlpBytes(bytes: Uint8Array): Uint8Array {
  const isOwnByte = bytes.length === 1 && (bytes[0] as number) < 0x80;
  return isOwnByte ? bytes : concatBytes(rlpHead(0x80, bytes.length), bytes);
}

function rlpList(items: readonly Uint8Array[]): Uint8Array {
  const content = concatBytes(...items);
  return concatBytes(rlpHead(0xc0, content.length), content);
}

function rlpHead(kind: number, length: number): Uint8Array {
  if (length <= 55) return Uint8Array.of(kind + length);
  const digits = bigToBytes(BigInt(length));
  return concatBytes(Uint8Array.of(kind + 55 + digits.length), digits);
}

/** Logs in order, with a log for each transfer of ether that was not taken back. */
export function logsWithTransfers(frame: TracedFrame): readonly EventLog[] {
  if (frame.error !== undefined) return [];
  const logs: EventLog[] = [];
  const { kind, from, to, value, calls } = frame;
  const isTransfer = kind !== 'DELEGATECALL' && kind !== 'CALLCODE';
  if (value > 0n && to && isTransfer) {
    const topics = [transferTopic, padWord(from), padWord(to)];
    logs.push({ address: etherAddress, topics, data: padWord(bigToBytes(value)) });
  }
  let next = 0;
  const addUpTo = (position: number): void => {
    for (; next < position; next++) {
      const call = calls[next];
      if (call) logs.push(...logsWithTransfers(call));
    }
  };
  for (const { log, position } of frame.logs) {
    addUpTo(position);
    logs.push(log);
  }
  addUpTo(calls.length);
  return logs;
}
