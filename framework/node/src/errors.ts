/** Codes of @coco/node. */
import { defineErrors, type ErrorMetadata, type LedgerError } from '@coco/base';

export const nodeError: (
  code:
    | 'InvalidConfiguration'
    | 'InvalidHeaderValue'
    | 'PreviousIdentityMismatch'
    | 'ServiceNeverOpened'
    | 'AdapterUnknown'
    | 'AddressInUse'
    | 'NodeCannotHandleRequest'
    | 'FrontendNotOpen'
    | 'TransactionCommitAttemptsExceedLimit'
    | 'TransactionInvalid'
    | 'TransactionPendingOrUnknown'
    | 'TransactionNotFound'
    | 'RequestHeaderTooLarge'
    | 'RequestTooSlow'
    | 'SessionCapExhausted'
    | 'PidFileTaken'
    | 'ReplicaFailed'
    | 'ReplicaBusy'
    | 'TokenIssuerFailed'
    | 'HandOverPending'
    | 'HandOverFailed'
    | 'PeerUnreachable'
    | 'PeerRefused'
    | 'PeerLost'
    | 'PeerSilent'
    | 'PeerNotTrusted'
    | 'PeerProtocolUnknown'
    | 'PeerHandshakeFailed'
    | 'PeerFrameTooLong'
    | 'PeerMessageRejected',
  message: string,
  metadata?: ErrorMetadata,
  cause?: unknown,
) => LedgerError = defineErrors({
  InvalidConfiguration: {
    kind: 'refusal',
    status: 400,
    meaning: 'The node configuration lacks a value, or one has the wrong form.',
  },
  InvalidHeaderValue: {
    kind: 'refusal',
    status: 400,
    meaning: 'A header of the request is not one that the endpoint can use.',
  },
  TokenIssuerFailed: {
    kind: 'fault',
    status: 502,
    meaning: 'An issuer of tokens could not be asked for its keys, or gave none.',
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
  TransactionCommitAttemptsExceedLimit: {
    kind: 'fault',
    status: 503,
    meaning: 'Other transactions changed what this one reads, each time that it ran.',
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
  RequestTooSlow: {
    kind: 'refusal',
    status: 408,
    meaning: 'A request did not arrive within its time.',
  },
  SessionCapExhausted: {
    kind: 'fault',
    status: 503,
    meaning: 'The interface has as many connections as it serves at once.',
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
  PeerUnreachable: {
    kind: 'fault',
    status: 503,
    meaning: 'Nothing at the address of another node answers with TLS.',
  },
  PeerRefused: {
    kind: 'fault',
    status: 503,
    meaning: 'Another node ended the connection before it welcomed this one: no trust, or no time.',
  },
  PeerLost: {
    kind: 'fault',
    status: 503,
    meaning: 'The connection to another node broke or was ended.',
  },
  PeerSilent: {
    kind: 'fault',
    status: 503,
    meaning: 'Another node sent nothing for longer than its beats allow.',
  },
  PeerNotTrusted: {
    kind: 'refusal',
    status: 403,
    meaning: 'The other end of a connection does not hold the key of a node that is trusted there.',
  },
  PeerProtocolUnknown: {
    kind: 'refusal',
    status: 400,
    meaning: 'The other end of a connection between nodes does not speak the peer protocol.',
  },
  PeerHandshakeFailed: {
    kind: 'refusal',
    status: 400,
    meaning: 'A connection to the node-to-node interface came to no TLS handshake.',
  },
  PeerFrameTooLong: {
    kind: 'refusal',
    status: 413,
    meaning: 'A node announced a frame that is longer than any message may be.',
  },
  PeerMessageRejected: {
    kind: 'refusal',
    status: 400,
    meaning: 'A node sent a message that is against the protocol; the connection ends.',
  },
});
