/** JSON-RPC methods that read blocks, transactions and receipts. */
import type { JsonValue } from '@coco/base';
import type { Caller } from '@coco/endpoint';
import type { RpcAnswer, RpcMethod } from './json-rpc.ts';
import { toData, toQuantity } from './numbers.ts';
import {
  assertVisible,
  locateInBlock,
  locateTransaction,
  type MethodTable,
  partiesOf,
  type RpcContext,
} from './rpc-context.ts';
import {
  blockJson,
  type LocatedTransaction,
  pendingBlockJson,
  pendingTransactionJson,
  receiptJson,
  transactionJson,
} from './rpc-format.ts';
import type { BlockTag, RpcParameters } from './rpc-parameters.ts';

export function chainMethods(context: RpcContext): MethodTable {
  const { reader } = context;
  return [
    [
      'eth_blockNumber',
      {
        arity: [0, 0],
        handle: (_, caller) => {
          assertVisible(context, caller, 'block');
          return toQuantity(reader.committed().headNumber());
        },
      },
    ],
    ['eth_getBlockByNumber', blockMethod(context, (parameters) => parameters.blockTag(0))],
    ['eth_getBlockByHash', blockMethod(context, hashTag)],
    ['eth_getBlockTransactionCountByNumber', countMethod(context, (p) => p.blockTag(0))],
    ['eth_getBlockTransactionCountByHash', countMethod(context, hashTag)],
    ['eth_getUncleCountByBlockNumber', uncleMethod(context, (p) => p.blockTag(0))],
    ['eth_getUncleCountByBlockHash', uncleMethod(context, hashTag)],
    ['eth_getUncleByBlockNumberAndIndex', noUncle((p) => p.blockTag(0))],
    ['eth_getUncleByBlockHashAndIndex', noUncle(hashTag)],
    ['eth_getTransactionByBlockNumberAndIndex', indexMethod(context, (p) => p.blockTag(0))],
    ['eth_getTransactionByBlockHashAndIndex', indexMethod(context, hashTag)],
    [
      'eth_getRawTransactionByBlockNumberAndIndex',
      indexMethod(context, (p) => p.blockTag(0), rawOf),
    ],
    ['eth_getRawTransactionByBlockHashAndIndex', indexMethod(context, hashTag, rawOf)],
    ['eth_getTransactionByHash', { arity: [1, 1], handle: transactionByHash.bind(null, context) }],
    ['eth_getRawTransactionByHash', { arity: [1, 1], handle: rawByHash.bind(null, context) }],
    ['eth_getTransactionReceipt', { arity: [1, 1], handle: receiptByHash.bind(null, context) }],
    ['eth_getBlockReceipts', { arity: [1, 1], handle: blockReceipts.bind(null, context) }],
  ];
}

const hashTag = (parameters: RpcParameters): BlockTag => ({
  kind: 'hash',
  hash: parameters.hash(0),
});

type TagOf = (parameters: RpcParameters) => BlockTag;

function blockMethod(context: RpcContext, tagOf: TagOf): RpcMethod {
  return {
    arity: [1, 2],
    handle: (parameters, caller) => {
      const tag = tagOf(parameters);
      const isFull = parameters.boolean(1);
      assertVisible(context, caller, 'block');
      if (tag.kind === 'pending') return pendingBlock(context, caller, isFull);
      const state = context.reader.committed();
      const block = context.reader.block(state, tag);
      if (!block) return null;
      const transactions = block.transactionHashes.map((hash): JsonValue => {
        const located = isFull
          ? locateInBlock(context, caller, { state, block, hash }, 'transaction')
          : undefined;
        return located ? transactionJson(located) : toData(hash);
      });
      return blockJson(block, transactions);
    },
  };
}

function pendingBlock(context: RpcContext, caller: Caller, isFull: boolean): JsonValue {
  const { builder, reader, engine } = context;
  const state = reader.executed();
  const environment = reader.pendingEnvironment();
  const entries = builder.open?.entries ?? [];
  const transactions = entries.map(({ hash, raw }): JsonValue => {
    const sender = state.transaction(hash)?.sender;
    if (!isFull || !sender) return toData(hash);
    const decoded = engine.decodeTransaction(raw);
    const parties = partiesOf(sender, decoded);
    if (!context.visible(caller, { kind: 'transaction', parties })) return toData(hash);
    return pendingTransactionJson(decoded, sender);
  });
  const parentHash = builder.open?.parent.hash ?? state.head().hash;
  return pendingBlockJson(environment, parentHash, {
    gasUsed: builder.open?.gasUsed ?? 0n,
    transactions,
  });
}

function countMethod(context: RpcContext, tagOf: TagOf): RpcMethod {
  return {
    arity: [1, 1],
    handle: (parameters, caller) => {
      const tag = tagOf(parameters);
      assertVisible(context, caller, 'block');
      if (tag.kind === 'pending') return toQuantity(context.builder.open?.entries.length ?? 0);
      const block = context.reader.block(context.reader.committed(), tag);
      return block ? toQuantity(block.transactionHashes.length) : null;
    },
  };
}

function uncleMethod(context: RpcContext, tagOf: TagOf): RpcMethod {
  return {
    arity: [1, 1],
    handle: (parameters, caller) => {
      assertVisible(context, caller, 'block');
      const block = context.reader.block(context.reader.committed(), tagOf(parameters));
      return block ? '0x0' : null;
    },
  };
}

/** There are none, of any block. */
function noUncle(tagOf: TagOf): RpcMethod {
  return {
    arity: [2, 2],
    handle: (parameters) => {
      tagOf(parameters);
      parameters.quantity(1);
      return null;
    },
  };
}

const rawOf = ({ record }: LocatedTransaction): JsonValue => toData(record.raw);

function indexMethod(
  context: RpcContext,
  tagOf: TagOf,
  show: (located: LocatedTransaction) => JsonValue = transactionJson,
): RpcMethod {
  return {
    arity: [2, 2],
    handle: (parameters, caller) => {
      const tag = tagOf(parameters);
      const index = parameters.quantity(1);
      const state = context.reader.committed();
      const block = context.reader.block(state, tag);
      const hash = block?.transactionHashes[Number(index)];
      if (!block || !hash) return null;
      const located = locateInBlock(context, caller, { state, block, hash }, 'transaction');
      return located ? show(located) : null;
    },
  };
}

function transactionByHash(
  context: RpcContext,
  parameters: RpcParameters,
  caller: Caller,
): RpcAnswer {
  const hash = parameters.hash(0);
  const { reader, submission, engine } = context;
  if (reader.committed().hasTransaction(hash)) {
    const found = locateTransaction(context, caller, hash, 'transaction');
    return found ? transactionJson(found.located) : null;
  }
  const queued = submission.queued(hash);
  const executed = queued ? undefined : reader.executed().transaction(hash);
  const sender = queued?.sender ?? executed?.sender;
  const decoded = queued?.decoded ?? (executed && engine.decodeTransaction(executed.raw));
  if (!sender || !decoded) return null;
  const parties = partiesOf(sender, decoded);
  if (!context.visible(caller, { kind: 'transaction', parties })) return null;
  return pendingTransactionJson(decoded, sender);
}

function rawByHash(context: RpcContext, parameters: RpcParameters, caller: Caller): RpcAnswer {
  const hash = parameters.hash(0);
  const found = locateTransaction(context, caller, hash, 'transaction');
  return found ? toData(found.located.record.raw) : null;
}

function receiptByHash(context: RpcContext, parameters: RpcParameters, caller: Caller): RpcAnswer {
  const hash = parameters.hash(0);
  const found = locateTransaction(context, caller, hash, 'receipt');
  return found ? receiptJson(found.located, context.engine) : null;
}

function blockReceipts(context: RpcContext, parameters: RpcParameters, caller: Caller): RpcAnswer {
  const tag = parameters.blockTag(0);
  const state = context.reader.committed();
  const block = context.reader.block(state, tag);
  if (!block) return null;
  const receipts: JsonValue[] = [];
  for (const hash of block.transactionHashes) {
    const located = locateInBlock(context, caller, { state, block, hash }, 'receipt');
    if (located) receipts.push(receiptJson(located, context.engine));
  }
  return receipts;
}
