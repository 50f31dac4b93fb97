/** Codes of @coco/node. */
import { defineErrors, type ErrorMetadata, type LedgerError } from '@coco/base';

export const nodeError: (
  code:
    | 'InvalidConfiguration'
    | 'LedgerDirectoryNotEmpty'
    | 'PreviousIdentityMismatch'
    | 'AddressInUse'
    | 'NodeCannotHandleRequest'
    | 'FrontendNotOpen'
    | 'TransactionInvalid'
    | 'TransactionPendingOrUnknown'
    | 'TransactionNotFound'
    | 'RequestHeaderTooLarge'
    | 'ReplicaFailed'
    | 'ReplicaBusy',
  message: string,
  metadata?: ErrorMetadata,
  cause?: unknown,
) => LedgerError = defineErrors({
  InvalidConfiguration: {
    kind: 'refusal',
    status: 400,
    meaning: 'The node configuration lacks a value, or one has the wrong form.',
  },
  LedgerDirectoryNotEmpty: {
    kind: 'refusal',
    status: 400,
    meaning: 'A new service was to start in a folder that already holds a ledger.',
  },
  PreviousIdentityMismatch: {
    kind: 'refusal',
    status: 400,
    meaning: 'The ledger to recover is not the one of the given previous service identity.',
  },
  AddressInUse: {
    kind: 'fault',
    status: 500,
    meaning: 'Another process listens on the address that the node is to listen on.',
  },
  NodeCannotHandleRequest: {
    kind: 'fault',
    status: 503,
    meaning: 'This node is not the primary, or is not ready to execute.',
  },
  FrontendNotOpen: {
    kind: 'refusal',
    status: 404,
    meaning: 'The service is not open to users yet.',
  },
  TransactionInvalid: {
    kind: 'refusal',
    status: 404,
    meaning: 'The transaction id can never be committed.',
  },
  TransactionPendingOrUnknown: {
    kind: 'refusal',
    status: 404,
    meaning: 'The transaction id is not committed yet, or this node does not know it.',
  },
  TransactionNotFound: {
    kind: 'refusal',
    status: 404,
    meaning: 'The transaction has no receipt: it is a signature transaction.',
  },
  RequestHeaderTooLarge: {
    kind: 'refusal',
    status: 431,
    meaning: 'The headers of a request exceed their limit.',
  },
  ReplicaFailed: {
    kind: 'fault',
    status: 500,
    meaning: 'The replica worker cannot go on; the node stops.',
  },
  ReplicaBusy: {
    kind: 'fault',
    status: 503,
    meaning: 'Too many reads of the ledger’s files wait at once; try again shortly.',
  },
});
