/**
 * What a transaction must fulfil before it waits or executes, in geth's order and words
 * (core/txpool/validation.go). The engine checks the rules of consensus again as it executes.
 */
import { toHex } from '@coco/base';
import type { AdmittedTransaction } from './admission.ts';
import { engineError } from './engine-errors.ts';
import type { AccountState, DecodedTransaction } from './engine-types.ts';
import { ethereumError } from './errors.ts';
import type { ChainRecord } from './state-codec.ts';

/** EIP-7825. */
const transactionGasMaxOsaka = 16_777_216n;
/** EIP-3860. */
const initCodeBytesMax = 49_152;

const gas = {
  transaction: 21_000n,
  creation: 32_000n,
  zeroByte: 4n,
  otherByte: 16n,
  initCodeWord: 2n,
  accessAddress: 2_400n,
  accessSlot: 1_900n,
  authorization: 25_000n,
  /** EIP-7623: per token; a zero byte is one token, another byte four. */
  floorToken: 10n,
};

/** Gas that a transaction costs before its first instruction (yellow paper, g0). */
function intrinsicGas(decoded: DecodedTransaction): { base: bigint; floor: bigint } {
  const { input, accessList, authorizationList } = decoded;
  let zeroCount = 0;
  for (const byte of input) if (byte === 0) zeroCount++;
  const zeroBytes = BigInt(zeroCount);
  const otherBytes = BigInt(input.length) - zeroBytes;
  let base = gas.transaction + zeroBytes * gas.zeroByte + otherBytes * gas.otherByte;
  if (decoded.to === undefined) {
    base += gas.creation + BigInt(Math.ceil(input.length / 32)) * gas.initCodeWord;
  }
  for (const item of accessList) {
    base += gas.accessAddress + BigInt(item.storageKeys.length) * gas.accessSlot;
  }
  base += BigInt(authorizationList.length) * gas.authorization;
  const floor = gas.transaction + (zeroBytes + 4n * otherBytes) * gas.floorToken;
  return { base, floor };
}

/** The most gas that one transaction may ask for. */
export function transactionGasMax(chain: ChainRecord): bigint {
  const cap =
    chain.transactionGasMax ??
    (chain.spec === 'osaka' ? transactionGasMaxOsaka : chain.blockGasLimit);
  return cap < chain.blockGasLimit ? cap : chain.blockGasLimit;
}

/**
 * The checks that need no account.
 * @throws TransactionUnprotected, ChainIdMismatch, InitCodeTooLarge, GasLimitAboveBlock,
 * GasLimitAboveCap, TipAboveFeeCap, IntrinsicGasTooLow, FloorGasTooLow, FeeCapTooLow
 */
export function assertFitsChain(
  { decoded, sender }: AdmittedTransaction,
  chain: ChainRecord,
  options: { readonly allowsUnprotected: boolean },
): void {
  assertForChain(decoded, chain, options.allowsUnprotected);
  if (decoded.to === undefined && decoded.input.length > initCodeBytesMax) {
    throw engineError(
      'InitCodeTooLarge',
      `max initcode size exceeded: code size ${decoded.input.length}, limit ${initCodeBytesMax}`,
    );
  }
  assertGas(decoded, chain);
  if (decoded.maxFeePerGas < chain.baseFee) {
    throw engineError(
      'FeeCapTooLow',
      `max fee per gas less than block base fee: address 0x${toHex(sender)}, maxFeePerGas: ${decoded.maxFeePerGas}, baseFee: ${chain.baseFee}`,
    );
  }
}

function assertForChain(
  decoded: DecodedTransaction,
  chain: ChainRecord,
  allowsUnprotected: boolean,
): void {
  if (decoded.chainId === undefined) {
    if (allowsUnprotected) return;
    throw ethereumError(
      'TransactionUnprotected',
      'only replay-protected (EIP-155) transactions allowed over RPC',
    );
  }
  if (decoded.chainId !== chain.chainId) {
    throw engineError(
      'ChainIdMismatch',
      `invalid sender: invalid chain id for signer: have ${decoded.chainId} want ${chain.chainId}`,
    );
  }
}

function assertGas(decoded: DecodedTransaction, chain: ChainRecord): void {
  const { gasLimit, maxFeePerGas, maxPriorityFeePerGas = 0n } = decoded;
  if (gasLimit > chain.blockGasLimit) {
    throw engineError('GasLimitAboveBlock', 'exceeds block gas limit');
  }
  const cap = transactionGasMax(chain);
  if (gasLimit > cap) {
    throw engineError(
      'GasLimitAboveCap',
      `transaction gas limit too high (cap: ${cap}, tx: ${gasLimit})`,
    );
  }
  if (maxPriorityFeePerGas > maxFeePerGas) {
    throw engineError('TipAboveFeeCap', 'max priority fee per gas higher than max fee per gas');
  }
  const { base, floor } = intrinsicGas(decoded);
  if (gasLimit < base) {
    throw engineError(
      'IntrinsicGasTooLow',
      `intrinsic gas too low: gas ${gasLimit}, minimum needed ${base}`,
    );
  }
  if (gasLimit < floor) {
    throw engineError(
      'FloorGasTooLow',
      `insufficient gas for floor data gas cost: gas ${gasLimit}, minimum needed ${floor}`,
    );
  }
}

/** A nonce in the future is fine here. @throws NonceTooLow */
export function assertNonceFree(
  decoded: DecodedTransaction,
  account: AccountState | undefined,
): void {
  const nonce = account?.nonce ?? 0n;
  if (decoded.nonce >= nonce) return;
  throw engineError('NonceTooLow', `nonce too low: next nonce ${nonce}, tx nonce ${decoded.nonce}`);
}

/**
 * The checks against the sender's account; a nonce in the future is fine here.
 * @throws NonceTooLow, InsufficientFunds
 */
export function assertFitsAccount(
  decoded: DecodedTransaction,
  account: AccountState | undefined,
): void {
  assertNonceFree(decoded, account);
  const balance = account?.balance ?? 0n;
  const cost = decoded.gasLimit * decoded.maxFeePerGas + decoded.value;
  if (balance < cost) {
    throw engineError(
      'InsufficientFunds',
      `insufficient funds for gas * price + value: balance ${balance}, tx cost ${cost}, overshot ${cost - balance}`,
    );
  }
}
