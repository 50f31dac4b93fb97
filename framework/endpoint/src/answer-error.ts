/**
 * The response to a request that failed: the error body, what tells a client when to try again, and
 * what tells a forwarding node that nothing was carried out.
 */

import { LedgerError } from '@coco/base';
import { errorResponse } from './error-response.ts';
import { forwardingHeader } from './forwarded-request.ts';
import type { Response } from './request.ts';

/** Seconds. Nothing was carried out, and the cause passes by itself. */
const retryAfter: Readonly<Record<string, string>> = {
  BackupNotFound: '1',
  NodeCallsFull: '1',
  NodeCannotHandleRequest: '1',
  NodeUnreachable: '1',
  PrimaryNotFound: '1',
  ReadIndexUnavailable: '1',
  RequestAlreadyForwarded: '1',
  TooManyPendingTransactions: '1',
  // CCF's figure.
  TransactionCommitAttemptsExceedLimit: '3',
};
/** What the node that forwarded a request goes by. */
const forwardingCodes: ReadonlySet<string> = new Set([
  'RequestAlreadyForwarded',
  'SessionConsistencyLost',
]);

/** @throws BugError as it came */
export function answerError(error: unknown, request: { readonly isForwarded: boolean }): Response {
  const response = errorResponse(error);
  if (!(error instanceof LedgerError)) return response;
  const headers: Record<string, string> = { ...response.headers };
  const seconds = retryAfter[error.code];
  if (seconds !== undefined) headers['retry-after'] = seconds;
  if (request.isForwarded && forwardingCodes.has(error.code))
    headers[forwardingHeader] = error.code;
  else if (error.code === 'SessionConsistencyLost') headers.connection = 'close';
  return { ...response, headers };
}
