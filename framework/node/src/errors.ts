/** Codes of @coco/node. */
import { defineErrors, type ErrorMetadata, type LedgerError } from '@coco/base';

export const nodeError: (
  code:
    | 'InvalidConfiguration'
    | 'PreviousIdentityMismatch'
    | 'ServiceNeverOpened'
    | 'AdapterUnknown'
    | 'FrontendNotOpen'
    | 'TransactionInvalid'
    | 'TransactionPendingOrUnknown'
    | 'TransactionNotFound'
    | 'PidFileTaken'
    | 'ReplicaFailed'
    | 'ReplicaBusy'
    | 'NodeNotRetiredCommitted'
    | 'JoinAnswerInvalid'
    | 'JoinRefused'
    | 'JoinUndecided'
    | 'NodeRemoved',
  message: string,
  metadata?: ErrorMetadata,
  cause?: unknown,
) => LedgerError = defineErrors({
  InvalidConfiguration: {
    kind: 'refusal',
    status: 400,
    meaning: 'The node configuration lacks a value, or one has the wrong form.',
  },
  PreviousIdentityMismatch: {
    kind: 'refusal',
    status: 400,
    meaning: 'The ledger to recover is not the one of the given previous service identity.',
  },
  ServiceNeverOpened: {
    kind: 'refusal',
    status: 400,
    meaning: 'The ledger is of a service that never opened: there is nothing to recover.',
  },
  AdapterUnknown: {
    kind: 'refusal',
    status: 400,
    meaning: 'Governance names an adapter that the service does not run, or that has no settings.',
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
  PidFileTaken: {
    kind: 'refusal',
    status: 400,
    meaning: 'Another process runs a node in this folder.',
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
  JoinAnswerInvalid: {
    kind: 'fault',
    status: 502,
    meaning: 'What a node got as an answer to its request to join is none of the service it knows.',
  },
  JoinRefused: {
    kind: 'refusal',
    status: 400,
    meaning: 'The network refuses a node that asked to join; the node ends and says why.',
  },
  NodeRemoved: {
    kind: 'fault',
    status: 503,
    meaning: 'The members have retired this node, and consensus goes on without it: it ends.',
  },
  JoinUndecided: {
    kind: 'fault',
    status: 503,
    meaning: 'What a request to join set in motion is not committed yet; ask again.',
  },
  NodeNotRetiredCommitted: {
    kind: 'refusal',
    status: 400,
    meaning:
      'The node may still be part of consensus: its row stays until its retirement is final.',
  },
});
