/**
 * debug_: traces of committed transactions and blocks, and of calls, by geth's native tracers. All
 * of it runs where calls run, in the caller's turn, so that no trace holds up a commit.
 */
import { isJsonObject, type JsonValue, present } from '@coco/base';
import type { Caller } from '@coco/endpoint';
import { typedCall } from './call-simulation.ts';
import { ethereumError } from './errors.ts';
import type { NumberedBlock } from './ethereum-state.ts';
import type { RpcAnswer, RpcMethod } from './json-rpc.ts';
import { toData } from './numbers.ts';
import { type ReplayedTransaction, replayBlock } from './replay.ts';
import {
  assertVisible,
  locateInBlock,
  locateTransaction,
  type MethodTable,
  partiesOf,
  type RpcContext,
} from './rpc-context.ts';
import { receiptFields } from './rpc-format.ts';
import type { BlockTag, RpcParameters } from './rpc-parameters.ts';
import { assertCallVisible, callContext } from './rpc-state-methods.ts';
import type { TransactionRecord } from './state-codec.ts';
import { callTraceJson, prestateJson, selectorTraceJson, structTraceJson } from './trace-format.ts';
import { parseTracer, type Tracer, wishOf } from './tracer-config.ts';

export function debugMethods(context: RpcContext): MethodTable {
  const { budget } = context;
  const method = (
    arity: RpcMethod['arity'],
    handle: (context: RpcContext, parameters: RpcParameters, caller: Caller) => Promise<RpcAnswer>,
  ): RpcMethod => ({
    arity,
    handle: (parameters, caller) => budget.run(caller, () => handle(context, parameters, caller)),
  });
  return [
    ['debug_traceTransaction', method([1, 2], traceTransaction)],
    ['debug_traceBlockByNumber', method([1, 2], (...all) => traceBlock(...all, byNumber))],
    ['debug_traceBlockByHash', method([1, 2], (...all) => traceBlock(...all, byHash))],
    ['debug_traceCall', method([1, 3], traceCall)],
    ['debug_getRawTransaction', method([1, 1], rawTransaction)],
    ['debug_getRawReceipts', method([1, 1], rawReceipts)],
  ];
}

const byNumber = (parameters: RpcParameters): BlockTag => parameters.blockTag(0);
const byHash = (parameters: RpcParameters): BlockTag => ({
  kind: 'hash',
  hash: parameters.hash(0),
});

async function traceTransaction(
  context: RpcContext,
  parameters: RpcParameters,
  caller: Caller,
): Promise<RpcAnswer> {
  const tracer = parseTracer(parameters.at(1));
  const hash = parameters.hash(0);
  const found = locateTransaction(context, caller, hash, 'trace');
  if (!found) throw ethereumError('TransactionUnknown', 'transaction not found');
  const { record, block } = found.located;
  let result: JsonValue = null;
  await replay(context, tracer, {
    block,
    isWanted: ({ index }) => index === record.index,
    visit: (one) => {
      result = traceJson(tracer, one);
    },
  });
  return result;
}

async function traceBlock(
  context: RpcContext,
  parameters: RpcParameters,
  caller: Caller,
  tagOf: (parameters: RpcParameters) => BlockTag,
): Promise<RpcAnswer> {
  const tracer = parseTracer(parameters.at(1));
  assertVisible(context, caller, 'block');
  const block = context.reader.block(context.reader.committed(), tagOf(parameters));
  if (!block) throw ethereumError('HeaderNotFound', 'block not found');
  const results: JsonValue[] = [];
  let length = 0;
  await replay(context, tracer, {
    block,
    isWanted: (record) => isVisible(context, caller, record),
    visit: (one) => {
      const result = traceJson(tracer, one);
      length += JSON.stringify(result).length;
      const { responseBytesMax } = context.settings.limits;
      if (length > responseBytesMax) {
        throw ethereumError(
          'JsonRpcResponseTooLarge',
          `response too large: at most ${responseBytesMax} bytes`,
        );
      }
      results.push({ txHash: toData(one.hash), result });
    },
  });
  return results;
}

function isVisible(context: RpcContext, caller: Caller, record: TransactionRecord): boolean {
  const parties = partiesOf(record.sender, context.engine.decodeTransaction(record.raw));
  return context.visible(caller, { kind: 'trace', parties });
}

function replay(
  context: RpcContext,
  tracer: Tracer,
  wanted: {
    readonly block: NumberedBlock;
    readonly isWanted: (record: TransactionRecord) => boolean;
    readonly visit: (replayed: ReplayedTransaction) => void;
  },
): Promise<void> {
  const { host, settings } = context;
  const { traceMsMax, traceBytesMax } = settings.limits;
  return replayBlock(context, {
    ...wanted,
    wish: wishOf(tracer, traceBytesMax),
    deadlineMs: host.clock.monotonicMs() + traceMsMax,
  });
}

/** A tracer's view of a transaction. */
function traceJson(
  tracer: Tracer,
  replayed: Omit<ReplayedTransaction, 'hash' | 'record'>,
): JsonValue {
  const { trace, gasLimit, before } = replayed;
  const frame = () => present(trace.frame, 'frames were recorded');
  switch (tracer.kind) {
    case 'steps':
      return structTraceJson(trace);
    case 'call':
      return callTraceJson(frame(), tracer, { gasLimit, gasUsed: trace.execution.gasUsed });
    case 'selectors':
      return selectorTraceJson(frame());
    case 'prestate':
      return prestateJson(trace, tracer, before);
    case 'noop':
      return {};
  }
}

async function traceCall(
  context: RpcContext,
  parameters: RpcParameters,
  caller: Caller,
): Promise<RpcAnswer> {
  const { reader, calls, settings } = context;
  const call = parameters.call(0);
  const config = parameters.at(2);
  const tracer = parseTracer(config);
  const { stateOverrides, blockOverrides } = isJsonObject(config) ? config : {};
  const overrides = { state: stateOverrides, block: blockOverrides };
  assertCallVisible(context, caller, call);
  const { callGasMax, traceMsMax, traceBytesMax } = settings.limits;
  const wish = wishOf(tracer, traceBytesMax);
  return reader.withStateAt(parameters.blockTag(1), async (state, environment) => {
    const place = callContext(context, { state, environment, overrides });
    const gas = call.gas !== undefined && call.gas < callGasMax ? call.gas : callGasMax;
    const request = typedCall(call, gas, place);
    const trace = await calls.trace({ request, wish }, place.source, traceMsMax);
    return traceJson(tracer, { trace, gasLimit: gas, before: place.source });
  });
}

async function rawTransaction(
  context: RpcContext,
  parameters: RpcParameters,
  caller: Caller,
): Promise<RpcAnswer> {
  const found = locateTransaction(context, caller, parameters.hash(0), 'transaction');
  return found ? toData(found.located.record.raw) : '0x';
}

async function rawReceipts(
  context: RpcContext,
  parameters: RpcParameters,
  caller: Caller,
): Promise<RpcAnswer> {
  const { reader, engine } = context;
  const state = reader.committed();
  const block = reader.block(state, parameters.blockTag(0));
  if (!block) throw ethereumError('HeaderNotFound', 'block not found');
  return block.transactionHashes.flatMap((hash) => {
    const located = locateInBlock(context, caller, { state, block, hash }, 'receipt');
    return located ? [toData(engine.encodeReceipt(receiptFields(located)).bytes)] : [];
  });
}
