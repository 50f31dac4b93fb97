/**
 * eth_call and eth_estimateGas: executions that write nothing. Gas and time are bounded; the
 * algorithm of the estimate is geth's (eth/gasestimator).
 */
import { LedgerError, unreachable } from '@coco/base';
import type { CallExecutor } from './call-executor.ts';
import type {
  BlockEnvironment,
  Execution,
  ExecutionRequest,
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
  readonly #calls: CallExecutor;
  readonly #limits: CallLimits;

  constructor(calls: CallExecutor, limits: CallLimits) {
    this.#calls = calls;
    this.#limits = limits;
  }

  /** Return data, or the failure that the caller is told. @throws CallFailed, CallTimeout */
  async call(parameters: CallParameters, context: CallContext): Promise<string | RpcFailure> {
    const { callGasMax } = this.#limits;
    const gas = smaller(parameters.gas ?? callGasMax, callGasMax);
    const execution = await this.#execute(parameters, gas, context);
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
  async estimate(parameters: CallParameters, context: CallContext): Promise<bigint | RpcFailure> {
    let high = this.#allowance(parameters, context);
    const succeeds = async (gas: bigint): Promise<boolean> =>
      (await this.#attempt(parameters, gas, context))?.status === 'success';
    if (isPlainTransfer(parameters, context.source) && high >= transferGas) {
      if (await succeeds(transferGas)) return transferGas;
    }
    const first = await this.#attempt(parameters, high, context);
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
      if (await succeeds(likely)) high = likely;
      else low = likely;
    }
    while (low + 1n < high && (high - low) * 1000n >= high * estimateErrorPerMille) {
      let middle = (low + high) / 2n;
      // Most calls need little more than they use: lean to the low side.
      if (middle > low * 2n) middle = low * 2n;
      if (await succeeds(middle)) high = middle;
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
  async #attempt(
    parameters: CallParameters,
    gasLimit: bigint,
    context: CallContext,
  ): Promise<Execution | undefined> {
    try {
      return await this.#execute(parameters, gasLimit, context);
    } catch (error) {
      if (error instanceof LedgerError && tooLittleGas.has(error.code)) return undefined;
      throw error;
    }
  }

  #execute(parameters: CallParameters, gasLimit: bigint, context: CallContext): Promise<Execution> {
    const request = typedCall(parameters, gasLimit, context);
    return this.#calls.execute(request, context.source, this.#limits.callMsMax);
  }
}

/** A call as the engine executes it. */
export function typedCall(
  parameters: CallParameters,
  gasLimit: bigint,
  { chain, block }: CallContext,
): ExecutionRequest {
  const { from, to, feeCap, tip, value, input, accessList } = parameters;
  return {
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
  };
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
