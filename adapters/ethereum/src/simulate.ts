/**
 * eth_simulateV1: blocks of calls that are never sent, one after another on a state of the chain,
 * with overrides between them. Nothing is written. Source: execution-apis, geth's
 * internal/ethapi/simulate.go, whose codes and words these are.
 */
import { isJsonObject, type JsonValue, LedgerError } from '@coco/base';
import type { Caller } from '@coco/endpoint';
import { zeroHash } from './block-header.ts';
import { typedCall } from './call-simulation.ts';
import type { BlockEnvironment } from './engine-types.ts';
import { ethereumError } from './errors.ts';
import type { NumberedBlock } from './ethereum-state.ts';
import { type RpcAnswer, RpcFailure, type RpcMethod } from './json-rpc.ts';
import { assertVisible, type RpcContext } from './rpc-context.ts';
import { invalid, parseCall, parseQuantity, type RpcParameters } from './rpc-parameters.ts';
import { assertCallVisible, overrideBlock } from './rpc-state-methods.ts';
import { logsWithTransfers, type Simulated, simulatedBlock } from './simulated-block.ts';
import type { ChainRecord } from './state-codec.ts';
import { OverlayState, overrideState } from './state-overrides.ts';
import type { Trace } from './trace-types.ts';
import { transactionGasMax } from './transaction-checks.ts';

type JsonObject = { readonly [key: string]: JsonValue };

/** As geth; gaps between wished numbers count as blocks. */
const blocksMax = 256n;
const callsMax = 5000;
/** Between simulated blocks that do not say their time (geth). */
const secondsBetween = 12n;

/** geth's code of what ends a simulation. */
const refusalCodes: Readonly<Record<string, number>> = {
  NonceTooLow: -38010,
  NonceTooHigh: -38011,
  FeeCapTooLow: -38012,
  IntrinsicGasTooLow: -38013,
  FloorGasTooLow: -38013,
  InsufficientFunds: -38014,
  GasLimitAboveBlock: -38015,
  SenderNotExternal: -38024,
  InitCodeTooLarge: -38025,
};
const blockGasCode = -38015;
const blockNumberCode = -38020;
const blockTimeCode = -38021;
const tooManyCode = -38026;
/** Transfers are seen in frames. */
const framesWish = { frames: true, steps: undefined, accounts: false, bytesMax: 4 * 1024 * 1024 };

interface Wish {
  readonly blocks: readonly JsonObject[];
  readonly isValidated: boolean;
  readonly hasTransfers: boolean;
  readonly isFull: boolean;
}

/** What the blocks of one simulation share. */
interface Run {
  readonly context: RpcContext;
  readonly chain: ChainRecord;
  readonly wish: Wish;
  readonly deadlineMs: number;
  /** Gas of all calls together. */
  gasLeft: bigint;
}

/** What ends a simulation is a refusal with a code of geth's. */
class SimulationEnd {
  readonly failure: RpcFailure;

  constructor(code: number, message: string) {
    this.failure = new RpcFailure(code, message);
  }
}

export function simulateMethod(context: RpcContext): RpcMethod {
  return {
    arity: [1, 2],
    handle: (parameters, caller) => {
      const wish = parseWish(parameters);
      const tag = parameters.blockTag(1);
      assertVisible(context, caller, 'block');
      return context.budget.run(caller, () =>
        context.reader.withStateAt(tag, async (state, environment) => {
          const { reader, host, settings } = context;
          const base = reader.block(reader.committed(), tag) ?? state.head();
          const { callGasMax: gasLeft, traceMsMax } = settings.limits;
          const deadlineMs = host.clock.monotonicMs() + traceMsMax;
          const run = { context, chain: reader.chain, wish, deadlineMs, gasLeft };
          const parent = { ...base, ...environment, prevrandao: base.prevrandao };
          return simulate(run, caller, { parent, overlay: new OverlayState(state) });
        }),
      );
    },
  };
}

/** @throws JsonRpcInvalidParameters */
function parseWish(parameters: RpcParameters): Wish {
  const options = parameters.object(0);
  const blocks = options.blockStateCalls;
  if (!Array.isArray(blocks) || blocks.length === 0) throw invalid('empty input');
  const isSet = (name: string): boolean => options[name] === true;
  return {
    blocks: blocks.map((block: JsonValue) => {
      if (!isJsonObject(block)) throw invalid('invalid blockStateCalls: not an object');
      return block;
    }),
    isValidated: isSet('validation'),
    hasTransfers: isSet('traceTransfers'),
    isFull: isSet('returnFullTransactions'),
  };
}

async function simulate(
  run: Run,
  caller: Caller,
  begin: { readonly parent: NumberedBlock; readonly overlay: OverlayState },
): Promise<RpcAnswer> {
  const results: JsonValue[] = [];
  const first = begin.parent.number;
  let { parent, overlay } = begin;
  let callCount = 0;
  try {
    for (const wished of run.wish.blocks) {
      const environments = environmentsTo(run, parent, wished, first);
      for (const [at, environment] of environments.entries()) {
        const isWished = at === environments.length - 1;
        const calls = isWished ? callsOf(wished) : [];
        callCount += calls.length;
        if (callCount > callsMax) throw new SimulationEnd(tooManyCode, 'too many calls');
        overlay = isWished ? overridden(run, overlay, wished) : overlay;
        const simulated = await simulateCalls(run, caller, { calls, environment, overlay });
        const made = simulatedBlock(run.context, {
          parent,
          environment,
          simulated,
          isFull: run.wish.isFull,
        });
        results.push(made.json);
        parent = made.block;
        overlay.setBlockHash(parent.number, parent.hash);
      }
    }
  } catch (error) {
    if (error instanceof SimulationEnd) return error.failure;
    throw error;
  }
  return results;
}

function callsOf(wished: JsonObject): readonly JsonValue[] {
  const calls = wished.calls ?? [];
  if (!Array.isArray(calls)) throw invalid('invalid calls: not a list');
  return calls as readonly JsonValue[];
}

/** The blocks up to a wished one: a gap between numbers is filled with empty blocks. */
function environmentsTo(
  run: Run,
  parent: NumberedBlock,
  wished: JsonObject,
  first: bigint,
): readonly BlockEnvironment[] {
  const overrides = wished.blockOverrides ?? undefined;
  if (isJsonObject(overrides) && overrides.withdrawals !== undefined) {
    throw invalid('withdrawals are not served: there is no beacon chain');
  }
  const after = (block: BlockEnvironment): BlockEnvironment => ({
    ...block,
    number: block.number + 1n,
    timestamp: block.timestamp + secondsBetween,
    baseFee: run.wish.isValidated ? run.chain.baseFee : 0n,
    prevrandao: zeroHash,
  });
  const numbered = overrideBlock(after(parent), overrides);
  if (numbered.number <= parent.number) {
    const text = `block numbers must be in order: ${numbered.number} <= ${parent.number}`;
    throw new SimulationEnd(blockNumberCode, text);
  }
  if (numbered.number - first > blocksMax) throw new SimulationEnd(tooManyCode, 'too many blocks');
  const environments: BlockEnvironment[] = [];
  let last: BlockEnvironment = parent;
  while (last.number + 1n < numbered.number) {
    last = after(last);
    environments.push(last);
  }
  const environment = overrideBlock(after(last), overrides);
  if (environment.timestamp <= last.timestamp) {
    const text = `block timestamps must be in order: ${environment.timestamp} <= ${last.timestamp}`;
    throw new SimulationEnd(blockTimeCode, text);
  }
  return [...environments, environment];
}

function overridden({ context }: Run, overlay: OverlayState, wished: JsonObject): OverlayState {
  const keccak256 = (bytes: Uint8Array): Uint8Array => context.engine.keccak256(bytes);
  const overrides = wished.stateOverrides ?? undefined;
  if (overrides === undefined) return overlay;
  return new OverlayState(overrideState(overlay, overrides, keccak256));
}

interface BlockOfCalls {
  readonly calls: readonly JsonValue[];
  readonly environment: BlockEnvironment;
  readonly overlay: OverlayState;
}

async function simulateCalls(
  run: Run,
  caller: Caller,
  block: BlockOfCalls,
): Promise<readonly Simulated[]> {
  const simulated: Simulated[] = [];
  let gasUsed = 0n;
  for (const value of block.calls) {
    if (!isJsonObject(value)) throw invalid('invalid calls: not an object');
    const one = await simulateCall(run, caller, { ...block, value, gasUsed });
    gasUsed = one.cumulativeGasUsed;
    simulated.push(one);
  }
  return simulated;
}

/** Executes one call and lets what it changed count for the next. */
async function simulateCall(
  run: Run,
  caller: Caller,
  place: BlockOfCalls & { readonly value: JsonObject; readonly gasUsed: bigint },
): Promise<Simulated> {
  const { context, wish, chain } = run;
  const { value, environment, overlay, gasUsed } = place;
  const call = parseCall(value);
  assertCallVisible(context, caller, call);
  const left = environment.gasLimit - gasUsed;
  const cap = wish.isValidated ? transactionGasMax(chain) : left;
  const wished = call.gas ?? (left < cap ? left : cap);
  if (wished > left) {
    const text = `block gas limit reached: ${gasUsed + wished} >= ${environment.gasLimit}`;
    throw new SimulationEnd(blockGasCode, text);
  }
  const account = overlay.getAccount(call.from);
  const isNonceGiven = value.nonce !== undefined && value.nonce !== null;
  const nonce = isNonceGiven ? parseQuantity(value.nonce) : (account?.nonce ?? 0n);
  const gas = wished < run.gasLeft ? wished : run.gasLeft;
  const source = overlay.view();
  const request = typedCall(call, gas, { source, block: environment, chain });
  const mode = wish.isValidated ? 'transaction' : 'call';
  const transaction = { ...request.transaction, nonce };
  const msLeft = run.deadlineMs - context.host.clock.monotonicMs();
  if (msLeft <= 0)
    throw ethereumError('CallTimeout', 'execution aborted: the simulation took too long');
  const traced = { request: { ...request, mode, transaction } as const, wish: framesWish };
  const { execution, frame } = await endingWith(context.calls.trace(traced, source, msLeft));
  run.gasLeft -= execution.gasUsed;
  overlay.apply(execution.changes);
  const logs = wish.hasTransfers && frame ? logsWithTransfers(frame) : execution.logs;
  return { call, nonce, gas, execution, logs, cumulativeGasUsed: gasUsed + execution.gasUsed };
}

/** What consensus forbids ends the simulation with geth's code for it. */
async function endingWith(trace: Promise<Trace>): Promise<Trace> {
  try {
    return await trace;
  } catch (error) {
    const code = error instanceof LedgerError ? refusalCodes[error.code] : undefined;
    if (code === undefined || !(error instanceof LedgerError)) throw error;
    throw new SimulationEnd(code, error.message);
  }
}
