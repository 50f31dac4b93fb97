/** JSON-RPC methods that read accounts, or execute on a state without writing. */
import type { JsonValue } from '@coco/base';
import { isJsonObject } from '@coco/base';
import type { Caller } from '@coco/endpoint';
import { createAccessList } from './access-list.ts';
import type { CallContext, CallSimulation } from './call-simulation.ts';
import type { BlockEnvironment } from './engine-types.ts';
import type { EthereumState } from './ethereum-state.ts';
import { type RpcAnswer, RpcFailure, type RpcMethod } from './json-rpc.ts';
import { toData, toQuantity } from './numbers.ts';
import { assertVisible, type MethodTable, type RpcContext } from './rpc-context.ts';
import {
  type CallParameters,
  invalid,
  parseFixed,
  parseQuantity,
  type RpcParameters,
} from './rpc-parameters.ts';
import { overrideState } from './state-overrides.ts';

export function stateMethods(context: RpcContext, simulation: CallSimulation): MethodTable {
  return [...accountMethods(context), ...callMethods(context, simulation)];
}

function accountMethods(context: RpcContext): MethodTable {
  const method = (kind: AccountRead['kind'], read: AccountRead['read']): RpcMethod => ({
    arity: [1, 2],
    handle: (parameters, caller) =>
      readAccount(context, parameters, caller, { tagAt: 1, kind, read }),
  });
  const storageAt: RpcMethod = {
    arity: [2, 3],
    handle: (parameters, caller) => {
      const slot = parameters.slot(1);
      const read: AccountRead['read'] = (state, address) =>
        toData(state.getStorage(address, slot) ?? new Uint8Array(32));
      return readAccount(context, parameters, caller, { tagAt: 2, kind: 'storage', read });
    },
  };
  return [
    [
      'eth_getBalance',
      method('account', (state, address) => toQuantity(state.getAccount(address)?.balance ?? 0n)),
    ],
    [
      'eth_getTransactionCount',
      method('account', (state, address, isPending) => {
        const nonce = state.getAccount(address)?.nonce ?? 0n;
        return toQuantity(isPending ? context.submission.nextNonce(address, nonce) : nonce);
      }),
    ],
    [
      'eth_getCode',
      method('code', (state, address) => {
        const account = state.getAccount(address);
        return account ? toData(state.getCode(account.codeHash)) : '0x';
      }),
    ],
    ['eth_getStorageAt', storageAt],
  ];
}

function callMethods(context: RpcContext, simulation: CallSimulation): MethodTable {
  const { budget, calls, reader, settings } = context;
  const method = (
    run: (call: CallParameters, place: CallContext) => Promise<RpcAnswer>,
  ): RpcMethod => ({
    arity: [1, 4],
    handle: (parameters, caller) => {
      const call = parameters.call(0);
      const tag = parameters.blockTag(1);
      const overrides = { state: parameters.at(2), block: parameters.at(3) };
      assertCallVisible(context, caller, call);
      return budget.run(caller, () =>
        reader.withStateAt(tag, (state, environment) =>
          run(call, callContext(context, { state, environment, overrides })),
        ),
      );
    },
  });
  return [
    ['eth_call', method((call, place) => simulation.call(call, place))],
    [
      'eth_estimateGas',
      method(async (call, place) => {
        const gas = await simulation.estimate(call, place);
        return gas instanceof RpcFailure ? gas : toQuantity(gas);
      }),
    ],
    [
      'eth_createAccessList',
      method(async (call, place) => {
        const { callGasMax, callMsMax: msMax } = settings.limits;
        const gas = call.gas !== undefined && call.gas < callGasMax ? call.gas : callGasMax;
        const made = await createAccessList(calls, call, place, { gas, msMax });
        return {
          accessList: made.accessList.map(({ address, storageKeys }) => ({
            address: toData(address),
            storageKeys: storageKeys.map(toData),
          })),
          ...(made.error === undefined ? {} : { error: made.error }),
          gasUsed: toQuantity(made.gasUsed),
        };
      }),
    ],
  ];
}

interface AccountRead {
  /** Which parameter names the block. */
  readonly tagAt: number;
  readonly kind: 'account' | 'code' | 'storage';
  /** `isPending`: what waits counts, too. */
  readonly read: (state: EthereumState, address: Uint8Array, isPending: boolean) => JsonValue;
}

function readAccount(
  context: RpcContext,
  parameters: RpcParameters,
  caller: Caller,
  options: AccountRead,
): RpcAnswer {
  const address = parameters.address(0);
  const tag = parameters.blockTag(options.tagAt);
  assertVisible(context, caller, options.kind, address);
  const isPending = tag.kind === 'pending';
  return context.reader.readAt(tag, (state) => options.read(state, address, isPending));
}

/** @throws ItemNotVisible */
export function assertCallVisible(context: RpcContext, caller: Caller, call: CallParameters): void {
  assertVisible(context, caller, 'account', call.from);
  if (call.to) assertVisible(context, caller, 'account', call.to);
}

/** Where a call runs, with the overrides that its caller wishes. */
export function callContext(
  { engine, reader }: RpcContext,
  place: {
    readonly state: EthereumState;
    readonly environment: BlockEnvironment;
    readonly overrides: {
      readonly state: JsonValue | undefined;
      readonly block: JsonValue | undefined;
    };
  },
): CallContext {
  const keccak256 = (bytes: Uint8Array): Uint8Array => engine.keccak256(bytes);
  return {
    source: overrideState(place.state, place.overrides.state, keccak256),
    block: overrideBlock(place.environment, place.overrides.block),
    chain: reader.chain,
  };
}

/** geth's block override set, as far as the engine has the fields. */
export function overrideBlock(
  block: BlockEnvironment,
  value: JsonValue | undefined,
): BlockEnvironment {
  if (value === undefined) return block;
  if (!isJsonObject(value)) throw invalid('invalid block overrides');
  const number = (wish: JsonValue | undefined, otherwise: bigint): bigint =>
    wish === undefined ? otherwise : parseQuantity(wish, 2n ** 53n);
  const bytes = (wish: JsonValue | undefined, otherwise: Uint8Array): Uint8Array =>
    wish === undefined ? otherwise : parseFixed(wish, otherwise.length, 'block override');
  return {
    number: number(value.number, block.number),
    timestamp: number(value.time, block.timestamp),
    gasLimit: number(value.gasLimit, block.gasLimit),
    baseFee: number(value.baseFeePerGas ?? value.baseFee, block.baseFee),
    beneficiary: bytes(value.feeRecipient ?? value.coinbase, block.beneficiary),
    prevrandao: bytes(value.prevRandao ?? value.random, block.prevrandao),
  };
}
