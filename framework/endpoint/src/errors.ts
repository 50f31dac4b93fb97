/**
 * Codes that every frontend answers with. Their names are CCF's (its closed list of error codes),
 * so that clients written for CCF understand them.
 */
import { defineErrors, type ErrorMetadata, type LedgerError } from '@coco/base';

export type EndpointErrorCode =
  | 'AuthorizationFailed'
  | 'BackupNotFound'
  | 'InternalError'
  | 'InvalidAuthenticationInfo'
  | 'InvalidHeaderValue'
  | 'InvalidQueryParameterValue'
  | 'InvalidResourceName'
  | 'MissingApiVersionParameter'
  | 'PrimaryNotFound'
  | 'RequestAlreadyForwarded'
  | 'ResourceNotFound'
  | 'SessionConsistencyLost'
  | 'TooManyPendingTransactions'
  | 'UnsupportedApiVersionValue'
  | 'UnsupportedHttpVerb';

export const endpointError: (
  code: EndpointErrorCode,
  message: string,
  metadata?: ErrorMetadata,
  cause?: unknown,
) => LedgerError = defineErrors({
  AuthorizationFailed: {
    kind: 'refusal',
    status: 403,
    meaning: 'The caller is known but may not do this.',
  },
  BackupNotFound: {
    kind: 'fault',
    status: 503,
    meaning: 'The request is a backup’s to answer, and none is known.',
  },
  InternalError: {
    kind: 'fault',
    status: 500,
    meaning: 'The node failed to carry out a request that may be right; nothing was written.',
  },
  InvalidAuthenticationInfo: {
    kind: 'refusal',
    status: 401,
    meaning: 'No authentication policy of the endpoint accepts the request.',
  },
  InvalidHeaderValue: {
    kind: 'refusal',
    status: 400,
    meaning: 'A header of the request is not one that the endpoint can use.',
  },
  InvalidQueryParameterValue: {
    kind: 'refusal',
    status: 400,
    meaning: 'A query parameter is missing or does not parse.',
  },
  InvalidResourceName: {
    kind: 'refusal',
    status: 400,
    meaning: 'A part of the path is not an id of its kind, or differs from what was signed.',
  },
  MissingApiVersionParameter: {
    kind: 'refusal',
    status: 400,
    meaning: 'The query parameter api-version is required.',
  },
  PrimaryNotFound: {
    kind: 'fault',
    status: 503,
    meaning: 'The request is the primary’s to answer, and none is known; nothing was carried out.',
  },
  RequestAlreadyForwarded: {
    kind: 'fault',
    status: 503,
    meaning: 'A forwarded request came to a node that is not the primary; nothing was carried out.',
  },
  ResourceNotFound: { kind: 'refusal', status: 404, meaning: 'Nothing stands at the path.' },
  SessionConsistencyLost: {
    kind: 'fault',
    status: 500,
    meaning:
      'The view changed during a connection: what it saw may be lost. Nothing was carried out; the connection ends.',
  },
  TooManyPendingTransactions: {
    kind: 'fault',
    status: 503,
    meaning: 'So much is undecided that the node takes nothing more for now; try again.',
  },
  UnsupportedApiVersionValue: {
    kind: 'refusal',
    status: 400,
    meaning: 'The api-version is not one of those that the endpoint serves.',
  },
  UnsupportedHttpVerb: {
    kind: 'refusal',
    status: 405,
    meaning: 'The path exists but not with this method; the allow header names the methods.',
  },
});
