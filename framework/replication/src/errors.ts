/** Codes of @coco/replication. */
import { defineErrors, type ErrorMetadata, type LedgerError } from '@coco/base';

export const replicationError: (
  code:
    | 'NodeCannotHandleRequest'
    | 'TransactionCommitAttemptsExceedLimit'
    | 'HandOverPending'
    | 'StorageFull'
    | 'MemoryFull'
    | 'HandOverFailed'
    | 'CatchUpFailed'
    | 'SourceRefused'
    | 'SourceUnavailable'
    | 'CatchUpMismatch',
  message: string,
  metadata?: ErrorMetadata,
  cause?: unknown,
) => LedgerError = defineErrors({
  NodeCannotHandleRequest: {
    kind: 'fault',
    status: 503,
    meaning: 'This node is not the primary, or is not ready to execute.',
  },
  TransactionCommitAttemptsExceedLimit: {
    kind: 'fault',
    status: 503,
    meaning: 'Other transactions changed what this one reads, each time that it ran.',
  },
  StorageFull: {
    kind: 'fault',
    status: 503,
    meaning:
      'The primary’s disk is short of room: writes are refused until there is some, reads go on.',
  },
  MemoryFull: {
    kind: 'fault',
    status: 503,
    meaning:
      'The primary’s memory is used up to its limit: what would add to the state is refused, reads and deletions go on.',
  },
  HandOverPending: {
    kind: 'refusal',
    status: 409,
    meaning: 'The primary hands its office over already.',
  },
  HandOverFailed: {
    kind: 'fault',
    status: 503,
    meaning:
      'The node that was to become primary did not take office in time; the old one goes on.',
  },
  CatchUpFailed: {
    kind: 'fault',
    status: 503,
    meaning: 'A node that is far behind could not get what it lacks: it stops.',
  },
  SourceRefused: {
    kind: 'fault',
    status: 502,
    meaning:
      'What another node served does not verify: nothing of it is taken, and another node is asked.',
  },
  SourceUnavailable: {
    kind: 'fault',
    status: 503,
    meaning: 'Another node does not have what is asked for, or cannot give it now.',
  },
  CatchUpMismatch: {
    kind: 'fault',
    status: 500,
    meaning:
      'What a node was given to catch up with is not what the primary named: it stops rather than go on from it.',
  },
});
