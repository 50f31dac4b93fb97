/**
 * The engine's status codes as refusals in geth's words (core/error.go, core/state_transition.go):
 * wallets and libraries match on these texts.
 */
import { type LedgerError, present, toHex, utf8Decode } from '@coco/base';
import { type EngineErrorCode, engineError } from './engine-errors.ts';
import type { EngineReader } from './engine-reader.ts';
import type { ExecutionRequest } from './engine-types.ts';

const initCodeBytesMax = 49_152;

/** The state source gave code of another hash; the engine has not run it. */
export const statusCodeMismatch = 66;

type Figures = readonly bigint[];
type Wording = readonly [
  code: EngineErrorCode,
  words: (figures: Figures, request: ExecutionRequest) => string,
];

const sender = (request: ExecutionRequest): string => `0x${toHex(request.transaction.sender)}`;

const decodingWords: Readonly<Record<number, readonly [EngineErrorCode, string]>> = {
  2: ['TransactionTypeUnsupported', 'transaction type not supported'],
  3: ['BlobTransactionUnsupported', 'transaction type not supported: blob transaction'],
  5: ['TransactionTooLarge', 'oversized data: transaction size limit 131072'],
};

const wordings: Readonly<Record<number, Wording>> = {
  16: [
    'ChainIdMismatch',
    (_, { transaction, config }) =>
      `invalid chain id for signer: have ${transaction.chainId ?? 0n} want ${config.chainId}`,
  ],
  17: [
    'NonceTooLow',
    ([tx, state], request) =>
      `nonce too low: address ${sender(request)}, tx: ${tx} state: ${state}`,
  ],
  18: [
    'NonceTooHigh',
    ([tx, state], request) =>
      `nonce too high: address ${sender(request)}, tx: ${tx} state: ${state}`,
  ],
  19: [
    'NonceExhausted',
    (_, request) =>
      `nonce has max value: address ${sender(request)}, nonce: ${request.transaction.nonce}`,
  ],
  20: ['InsufficientFunds', insufficientFunds],
  21: ['IntrinsicGasTooLow', ([have, want]) => `intrinsic gas too low: have ${have}, want ${want}`],
  22: [
    'FloorGasTooLow',
    ([have, want]) => `insufficient gas for floor data gas cost: have ${have}, want ${want}`,
  ],
  23: [
    'FeeCapTooLow',
    (_, request) =>
      'max fee per gas less than block base fee: ' +
      `address ${sender(request)}, maxFeePerGas: ${request.transaction.maxFeePerGas}, ` +
      `baseFee: ${request.block.baseFee}`,
  ],
  24: [
    'TipAboveFeeCap',
    (_, request) =>
      'max priority fee per gas higher than max fee per gas: ' +
      `address ${sender(request)}, ` +
      `maxPriorityFeePerGas: ${request.transaction.maxPriorityFeePerGas ?? 0n}, ` +
      `maxFeePerGas: ${request.transaction.maxFeePerGas}`,
  ],
  25: ['GasLimitAboveBlock', () => 'exceeds block gas limit'],
  26: [
    'GasLimitAboveCap',
    ([cap, tx]) => `transaction gas limit too high (cap: ${cap}, tx: ${tx})`,
  ],
  27: [
    'InitCodeTooLarge',
    (_, { transaction }) =>
      `max initcode size exceeded: code size ${transaction.input.length} ` +
      `limit ${initCodeBytesMax}`,
  ],
  28: ['SenderNotExternal', (_, request) => `sender not an eoa: address ${sender(request)}`],
  29: [
    'AuthorizationListInvalid',
    (_, request) =>
      `EIP-7702 transaction cannot be used to create contract (sender ${sender(request)})`,
  ],
  30: [
    'AuthorizationListInvalid',
    (_, request) => `EIP-7702 transaction with empty auth list (sender ${sender(request)})`,
  ],
};

const textCodes: Readonly<Record<number, EngineErrorCode>> = {
  1: 'TransactionMalformed',
  4: 'SignatureInvalid',
  31: 'TransactionRuleBroken',
};

function insufficientFunds([have, want]: Figures, request: ExecutionRequest): string {
  const head = `insufficient funds for gas * price + value: address ${sender(request)}`;
  return have === undefined
    ? `${head} required balance exceeds 256 bits`
    : `${head} have ${have} want ${want}`;
}

/** The refusal of an operation without a request: decoding and recovering. */
export function decodingRefusal(status: number, reader: EngineReader): LedgerError {
  const textCode = textCodes[status];
  if (textCode !== undefined) return engineError(textCode, utf8Decode(reader.rest()));
  const [code, words] = present(decodingWords[status], 'A refusal of decoding has a known code.');
  const [type] = readFigures(reader);
  return engineError(code, words, type === undefined ? {} : { type: Number(type) });
}

/** The refusal of an execution. */
export function executionRefusal(
  status: number,
  reader: EngineReader,
  request: ExecutionRequest,
): LedgerError {
  const textCode = textCodes[status];
  if (textCode !== undefined) return engineError(textCode, utf8Decode(reader.rest()));
  const [code, words] = present(wordings[status], 'A refusal of execution has a known code.');
  return engineError(code, words(readFigures(reader), request));
}

function readFigures(reader: EngineReader): bigint[] {
  const figures: bigint[] = [];
  while (reader.remaining > 0) figures.push(reader.u256());
  return figures;
}
