/**
 * The refusals and faults of the execution engine. Messages of the refusals are geth's words
 * (core/error.go), because wallets and libraries match on them.
 */
import { defineErrors, type ErrorMetadata, type ErrorRow, type LedgerError } from '@coco/base';

export type EngineErrorCode =
  | 'TransactionTooLarge'
  | 'TransactionMalformed'
  | 'TransactionTypeUnsupported'
  | 'BlobTransactionUnsupported'
  | 'SignatureInvalid'
  | 'ChainIdMismatch'
  | 'NonceTooLow'
  | 'NonceTooHigh'
  | 'NonceExhausted'
  | 'InsufficientFunds'
  | 'IntrinsicGasTooLow'
  | 'FloorGasTooLow'
  | 'FeeCapTooLow'
  | 'TipAboveFeeCap'
  | 'GasLimitAboveBlock'
  | 'GasLimitAboveCap'
  | 'InitCodeTooLarge'
  | 'SenderNotExternal'
  | 'AuthorizationListInvalid'
  | 'TransactionRuleBroken'
  | 'TraceTooLarge'
  | 'EngineTrapped'
  | 'EngineArtefactInvalid';

const table: Readonly<Record<EngineErrorCode, ErrorRow>> = {
  TransactionTooLarge: {
    kind: 'refusal',
    status: 400,
    meaning: 'A raw transaction exceeds 128 KiB.',
  },
  TransactionMalformed: {
    kind: 'refusal',
    status: 400,
    meaning: 'A raw transaction is not canonical RLP of its EIP-2718 type.',
  },
  TransactionTypeUnsupported: {
    kind: 'refusal',
    status: 400,
    meaning: 'The EIP-2718 transaction type is unknown.',
  },
  BlobTransactionUnsupported: {
    kind: 'refusal',
    status: 400,
    meaning: 'Blob transactions (type 3, EIP-4844) are not carried.',
  },
  SignatureInvalid: {
    kind: 'refusal',
    status: 400,
    meaning: 'A signature is out of range, malleable (EIP-2) or recovers no key.',
  },
  ChainIdMismatch: {
    kind: 'refusal',
    status: 400,
    meaning: 'The transaction was signed for another chain.',
  },
  NonceTooLow: { kind: 'refusal', status: 400, meaning: 'The nonce was used already.' },
  NonceTooHigh: {
    kind: 'refusal',
    status: 400,
    meaning: 'A transaction with a lower nonce must come first.',
  },
  NonceExhausted: {
    kind: 'refusal',
    status: 400,
    meaning: 'The nonce of the sender is at its maximum of 2^64-1.',
  },
  InsufficientFunds: {
    kind: 'refusal',
    status: 400,
    meaning: 'The balance does not cover value and the highest fee.',
  },
  IntrinsicGasTooLow: {
    kind: 'refusal',
    status: 400,
    meaning: 'The gas limit is below the cost before execution.',
  },
  FloorGasTooLow: {
    kind: 'refusal',
    status: 400,
    meaning: 'The gas limit is below the floor for the data (EIP-7623).',
  },
  FeeCapTooLow: {
    kind: 'refusal',
    status: 400,
    meaning: 'The highest fee per gas is below the base fee of the block.',
  },
  TipAboveFeeCap: {
    kind: 'refusal',
    status: 400,
    meaning: 'The priority fee per gas is above the highest fee per gas.',
  },
  GasLimitAboveBlock: {
    kind: 'refusal',
    status: 400,
    meaning: 'The gas limit is above that of the block.',
  },
  GasLimitAboveCap: {
    kind: 'refusal',
    status: 400,
    meaning: 'The gas limit is above the cap of a transaction (EIP-7825).',
  },
  InitCodeTooLarge: {
    kind: 'refusal',
    status: 400,
    meaning: 'The creation code is above the limit (EIP-3860).',
  },
  SenderNotExternal: {
    kind: 'refusal',
    status: 400,
    meaning: 'The sender is a contract (EIP-3607).',
  },
  AuthorizationListInvalid: {
    kind: 'refusal',
    status: 400,
    meaning: 'A type 4 transaction lacks authorizations or creates.',
  },
  TransactionRuleBroken: {
    kind: 'refusal',
    status: 400,
    meaning: 'The transaction fails another rule of consensus.',
  },
  TraceTooLarge: {
    kind: 'refusal',
    status: 413,
    meaning: 'What a trace records exceeds its limit.',
  },
  EngineTrapped: {
    kind: 'fault',
    status: 500,
    meaning: 'The engine stopped within one transaction and was replaced.',
  },
  EngineArtefactInvalid: {
    kind: 'fault',
    status: 500,
    meaning: 'The engine artefact does not load or has another interface version.',
  },
};

/** Makes an error of the engine's table. */
export const engineError: (
  code: EngineErrorCode,
  message: string,
  metadata?: ErrorMetadata,
  cause?: unknown,
) => LedgerError = defineErrors(table);
