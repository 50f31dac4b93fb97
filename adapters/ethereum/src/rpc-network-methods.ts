/** JSON-RPC methods about the network and its prices. */
import { assert, type JsonValue } from '@coco/base';
import { effectiveGasPrice } from './block-builder.ts';
import type { NumberedBlock } from './ethereum-state.ts';
import type { RpcMethod } from './json-rpc.ts';
import { toData, toQuantity } from './numbers.ts';
import { assertVisible, type MethodTable, type RpcContext } from './rpc-context.ts';
import { invalid, type RpcParameters } from './rpc-parameters.ts';

/** Percentiles of one eth_feeHistory (geth: 100). */
const percentilesMax = 100;

export function networkMethods(context: RpcContext): MethodTable {
  const { engine, reader, settings } = context;
  const constant = (answer: JsonValue): RpcMethod => ({ arity: [0, 0], handle: () => answer });
  return [
    ['web3_clientVersion', constant('coco/v0.1.0')],
    [
      'web3_sha3',
      { arity: [1, 1], handle: (parameters) => toData(engine.keccak256(parameters.data(0))) },
    ],
    ['net_version', constant(settings.chainId.toString())],
    ['net_listening', constant(true)],
    ['net_peerCount', constant('0x0')],
    ['eth_chainId', constant(toQuantity(settings.chainId))],
    ['eth_syncing', constant(false)],
    ['eth_accounts', constant(settings.accounts.map(toData))],
    // There is no market for room in a block: the base fee is enough, and a tip buys nothing.
    ['eth_gasPrice', { arity: [0, 0], handle: () => toQuantity(reader.chain.baseFee) }],
    ['eth_maxPriorityFeePerGas', constant('0x0')],
    ['eth_blobBaseFee', constant('0x1')],
    [
      'eth_feeHistory',
      {
        arity: [2, 3],
        handle: (parameters, caller) => {
          assertVisible(context, caller, 'block');
          return feeHistory(context, parameters);
        },
      },
    ],
  ];
}

function feeHistory(context: RpcContext, parameters: RpcParameters): JsonValue {
  const { reader, settings } = context;
  const state = reader.committed();
  const percentiles = parsePercentiles(parameters);
  const last = reader.block(state, parameters.blockTag(1));
  if (!last) throw invalid('request beyond head block');
  const wished = blockCount(parameters);
  const most = BigInt(settings.limits.feeHistoryBlocksMax);
  let count = wished < most ? wished : most;
  if (count > last.number + 1n) count = last.number + 1n;
  const oldest = last.number + 1n - count;
  const blocks: NumberedBlock[] = [];
  for (let number = oldest; number <= last.number; number++) {
    const block = state.block(number);
    assert(block !== undefined, 'there are no gaps between blocks');
    blocks.push(block);
  }
  const history: { [key: string]: JsonValue } = {
    oldestBlock: toQuantity(oldest),
    // One more than blocks: the next block's base fee is known.
    baseFeePerGas: [
      ...blocks.map((block) => toQuantity(block.baseFee)),
      toQuantity(reader.chain.baseFee),
    ],
    gasUsedRatio: blocks.map((block) => Number(block.gasUsed) / Number(block.gasLimit)),
    baseFeePerBlobGas: [...blocks.map(() => '0x1'), '0x1'],
    blobGasUsedRatio: blocks.map(() => 0),
  };
  if (percentiles.length > 0) {
    history.reward = blocks.map((block) => rewards(context, block, percentiles));
  }
  return history;
}

/** geth takes a quantity or a plain number here. */
function blockCount(parameters: RpcParameters): bigint {
  const value = parameters.at(0);
  if (typeof value === 'number' && Number.isSafeInteger(value) && value >= 0) return BigInt(value);
  return parameters.quantity(0);
}

function parsePercentiles(parameters: RpcParameters): readonly number[] {
  const value = parameters.at(2);
  if (value === undefined) return [];
  const list = parameters.list(2);
  if (list.length > percentilesMax) throw invalid(`over the query limit ${percentilesMax}`);
  let previous = 0;
  return list.map((percentile) => {
    const isRising = typeof percentile === 'number' && percentile >= previous && percentile <= 100;
    if (!isRising) throw invalid('invalid reward percentile');
    previous = percentile;
    return percentile;
  });
}

/** Tips per gas at percentiles of the block's gas. */
function rewards(
  { reader, engine }: RpcContext,
  block: NumberedBlock,
  percentiles: readonly number[],
): JsonValue {
  const state = reader.committed();
  const tips = block.transactionHashes.map((hash) => {
    const record = state.transaction(hash);
    assert(record !== undefined, 'a block lists only transactions that are stored');
    const decoded = engine.decodeTransaction(record.raw);
    const tip = effectiveGasPrice({ decoded }, block.baseFee) - block.baseFee;
    return { tip, gasUsed: Number(record.gasUsed) };
  });
  tips.sort((left, right) => (left.tip < right.tip ? -1 : left.tip > right.tip ? 1 : 0));
  return percentiles.map((percentile) => {
    const threshold = (Number(block.gasUsed) * percentile) / 100;
    let sum = 0;
    for (const { tip, gasUsed } of tips) {
      sum += gasUsed;
      if (sum >= threshold) return toQuantity(tip);
    }
    return '0x0';
  });
}
