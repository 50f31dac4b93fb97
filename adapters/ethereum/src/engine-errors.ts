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
  | 'TransactionInvalid'
  | 'EngineTrapped'
  | 'EngineArtefactInvalid';

const refusal = (meaning: string): ErrorRow => ({ kind: 'refusal', status: 400, meaning });

const table: Readonly<Record<EngineErrorCode, ErrorRow>> = {
  TransactionTooLarge: refusal('A raw transaction exceeds 128 KiB.'),
  TransactionMalformed: refusal('A raw transaction is not canonical RLP of its EIP-2718 type.'),
  TransactionTypeUnsupported: refusal('The EIP-2718 transaction type is unknown.'),
  BlobTransactionUnsupported: refusal('Blob transactions (type 3, EIP-4844) are not carried.'),
  SignatureInvalid: refusal('A signature is out of range, malleable (EIP-2) or recovers no key.'),
  ChainIdMismatch: refusal('The transaction was signed for another chain.'),
  NonceTooLow: refusal('The nonce was used already.'),
  NonceTooHigh: refusal('A transaction with a lower nonce must come first.'),
  NonceExhausted: refusal('The nonce of the sender is at its maximum of 2^64-1.'),
  InsufficientFunds: refusal('The balance does not cover value and the highest fee.'),
  IntrinsicGasTooLow: refusal('The gas limit is below the cost before execution.'),
  FloorGasTooLow: refusal('The gas limit is below the floor for the data (EIP-7623).'),
  FeeCapTooLow: refusal('The highest fee per gas is below the base fee of the block.'),
  TipAboveFeeCap: refusal('The priority fee per gas is above the highest fee per gas.'),
  GasLimitAboveBlock: refusal('The gas limit is above that of the block.'),
  GasLimitAboveCap: refusal('The gas limit is above the cap of a transaction (EIP-7825).'),
  InitCodeTooLarge: refusal('The creation code is above the limit (EIP-3860).'),
  SenderNotExternal: refusal('The sender is a contract (EIP-3607).'),
  AuthorizationListInvalid: refusal('A type 4 transaction lacks authorizations or creates.'),
  TransactionInvalid: refusal('The transaction fails another rule of consensus.'),
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
