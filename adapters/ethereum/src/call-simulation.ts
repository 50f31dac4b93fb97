/**
 * eth_call and eth_estimateGas: executions that write nothing. They run on the executing thread,
 * so gas and time are bounded; the algorithm of the estimate is geth's (eth/gasestimator).
 */
import { type Clock, LedgerError, unreachable } from '@coco/base';
import type {
  BlockEnvironment,
  Execution,
  ExecutionEngine,
  StateSource,
  TransactionType,
} from './engine-types.ts';
import { ethereumError } from './errors.ts';
import { RpcFailure } from './json-rpc.ts';
import { toData } from './numbers.ts';
import { revertMessage } from './revert-reason.ts';
import type { CallParameters } from './rpc-parameters.ts';
import type { ChainRecord } from './state-codec.ts';
import { transactionGasMax } from './transaction-checks.ts';

export interface CallLimits {
  readonly callGasMax: bigint;
  readonly callMsMax: number;
}

/** Where and as what a call runs. */
export interface CallContext {
  readonly source: StateSource;
  readonly block: BlockEnvironment;
  readonly chain: ChainRecord;
}

const revertCode = 3;
/** Refusals that more gas removes. */
const tooLittleGas: ReadonlySet<string> = new Set(['IntrinsicGasTooLow', 'FloorGasTooLow']);
/** A plain transfer costs exactly this. */
const transferGas = 21_000n;
/** What a CALL with value hands over on top; an estimate must leave room for it. */
const callStipend = 2_300n;
/** The estimate may be this much too high, in thousandths: fewer tries (geth: 1.5 %). */
const estimateErrorPerMille = 15n;

export class CallSimulation {
  readonly #engine: ExecutionEngine;
  readonly #clock: Clock;
  readonly #limits: CallLimits;

  constructor(engine: ExecutionEngine, clock: Clock, limits: CallLimits) {
    this.#engine = engine;
    this.#clock = clock;
    this.#limits = limits;
  }

  /** Return data, or the failure that the caller is told. @throws CallFailed, CallTimeout */
  call(parameters: CallParameters, context: CallContext): string | RpcFailure {
    const { callGasMax } = this.#limits;
    const gas = smaller(parameters.gas ?? callGasMax, callGasMax);
    const execution = this.#execute(parameters, gas, this.#bounded(context));
    switch (execution.status) {
      case 'success':
        return toData(execution.output);
      case 'revert':
        return reverted(execution.output);
      case 'halt':
        throw ethereumError('CallFailed', haltMessage(execution.message, gas));
      default:
        return unreachable(execution);
    }
  }

  /**
   * The least gas limit, within 1.5 %, with which the call succeeds.
   * @throws GasRequiredExceedsAllowance, CallFailed, CallTimeout, InsufficientFunds
   */
  estimate(parameters: CallParameters, context: CallContext): bigint | RpcFailure {
    const bounded = this.#bounded(context);
    let high = this.#allowance(parameters, bounded);
    const succeeds = (gas: bigint): boolean =>
      this.#attempt(parameters, gas, bounded)?.status === 'success';
    if (isPlainTransfer(parameters, bounded.source) && high >= transferGas) {
      if (succeeds(transferGas)) return transferGas;
    }
    const first = this.#attempt(parameters, high, bounded);
    if (first?.status === 'revert') return reverted(first.output);
    if (first === undefined || (first.status === 'halt' && first.reason === 'OutOfGas')) {
      throw ethereumError(
        'GasRequiredExceedsAllowance',
        `gas required exceeds allowance (${high})`,
      );
    }
    if (first.status === 'halt') throw ethereumError('CallFailed', first.message);
    let low = first.gasSpent - 1n;
    const likely = ((first.gasSpent + callStipend) * 64n) / 63n;
    if (likely < high) {
      if (succeeds(likely)) high = likely;
      else low = likely;
    }
    while (low + 1n < high && (high - low) * 1000n >= high * estimateErrorPerMille) {
      let middle = (low + high) / 2n;
      // Most calls need little more than they use: lean to the low side.
      if (middle > low * 2n) middle = low * 2n;
      if (succeeds(middle)) high = middle;
      else low = middle;
    }
    return high;
  }

  /** The highest gas limit that an estimate may try. @throws InsufficientFunds, CallFailed */
  #allowance(parameters: CallParameters, { source, block, chain }: CallContext): bigint {
    const { gas, feeCap, value, from } = parameters;
    let high = gas !== undefined && gas >= transferGas ? gas : block.gasLimit;
    high = smaller(high, transactionGasMax(chain));
    if (feeCap > 0n) {
      const balance = source.getAccount(from)?.balance ?? 0n;
      if (balance < value) {
        throw ethereumError('CallFailed', 'insufficient funds for transfer');
      }
      high = smaller(high, (balance - value) / feeCap);
    }
    return smaller(high, this.#limits.callGasMax);
  }

  /** `undefined` when the gas does not even cover what precedes the first instruction. */
  #attempt(
    parameters: CallParameters,
    gasLimit: bigint,
    context: CallContext,
  ): Execution | undefined {
    try {
      return this.#execute(parameters, gasLimit, context);
    } catch (error) {
      if (error instanceof LedgerError && tooLittleGas.has(error.code)) return undefined;
      throw error;
    }
  }

  #execute(parameters: CallParameters, gasLimit: bigint, context: CallContext): Execution {
    const { from, to, feeCap, tip, value, input, accessList } = parameters;
    const { chain, block, source } = context;
    return this.#engine.execute(
      {
        mode: 'call',
        transaction: {
          type: typeOf(parameters),
          sender: from,
          chainId: chain.chainId,
          nonce: 0n,
          gasLimit,
          maxFeePerGas: feeCap,
          maxPriorityFeePerGas: tip,
          to,
          value,
          input,
          accessList,
          authorizationList: [],
        },
        block,
        config: { chainId: chain.chainId, spec: chain.spec },
      },
      source,
    );
  }

  /**
   * Lets every read of the state check the time. Computing alone is bounded by gas: the cap takes
   * some 0.2 s without reads.
   */
  #bounded(context: CallContext): CallContext {
    const { callMsMax } = this.#limits;
    const clock = this.#clock;
    const { source } = context;
    const deadlineMs = clock.monotonicMs() + callMsMax;
    const check = (): void => {
      if (clock.monotonicMs() > deadlineMs) {
        throw ethereumError('CallTimeout', `execution aborted (timeout = ${callMsMax}ms)`);
      }
    };
    return {
      ...context,
      source: {
        getAccount: (address) => {
          check();
          return source.getAccount(address);
        },
        getCode: (hash) => source.getCode(hash),
        getStorage: (address, slot) => {
          check();
          return source.getStorage(address, slot);
        },
        getBlockHash: (number) => source.getBlockHash(number),
      },
    };
  }
}

function typeOf({ tip, accessList }: CallParameters): TransactionType {
  if (tip !== undefined) return 2;
  return accessList.length > 0 ? 1 : 0;
}

function smaller(left: bigint, right: bigint): bigint {
  return left < right ? left : right;
}

function isPlainTransfer({ to, input }: CallParameters, source: StateSource): boolean {
  if (to === undefined || input.length > 0) return false;
  const account = source.getAccount(to);
  return account === undefined || source.getCode(account.codeHash).length === 0;
}

function reverted(output: Uint8Array): RpcFailure {
  return new RpcFailure(revertCode, revertMessage(output), toData(output));
}

function haltMessage(message: string, gas: bigint): string {
  return message === 'out of gas' ? `out of gas: gas limit of the call is ${gas}` : message;
}
