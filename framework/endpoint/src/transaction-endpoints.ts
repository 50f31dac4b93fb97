/** `commit` and `tx` of a frontend: what is committed, and what became of one transaction (CCF). */
import {
  asView,
  formatTransactionId,
  type JsonValue,
  LedgerError,
  parseTransactionId,
  type TransactionId,
} from '@coco/base';
import type { Call, Endpoint } from './endpoint.ts';
import { endpointError } from './errors.ts';
import { jsonResponse, type Request, type Response } from './request.ts';
import type { TransactionStatusTracker } from './transaction-status.ts';

/** Endpoints `<frontend>/commit` and `<frontend>/tx`. */
export function transactionEndpoints(
  frontend: '/node' | '/app' | '/gov',
  tracker: TransactionStatusTracker,
): readonly Endpoint[] {
  const base = {
    method: 'GET',
    authentication: [],
    mode: 'command',
    forwardingRequired: 'sometimes',
  } as const;
  return [
    {
      ...base,
      path: `${frontend}/commit`,
      summary: 'Current commit level',
      handle: (call: Call) => commitResponse(tracker, call.request),
    },
    {
      ...base,
      path: `${frontend}/tx`,
      summary: 'Current status of a transaction',
      handle: (call: Call) => statusResponse(tracker, call.request),
    },
  ];
}

function commitResponse(tracker: TransactionStatusTracker, request: Request): Response {
  const body: Record<string, JsonValue> = {
    transaction_id: formatTransactionId(tracker.committedId),
  };
  const history = requestedHistory(tracker, request);
  if (history) body.view_history = history.map(formatTransactionId);
  return jsonResponse(body);
}

function requestedHistory(
  tracker: TransactionStatusTracker,
  request: Request,
): readonly TransactionId[] | undefined {
  const since = request.query.get('view_history_since');
  if (since !== undefined) {
    const view = /^[1-9]\d{0,9}$/.test(since) ? Number(since) : 0;
    if (view < 1 || view > tracker.view) {
      throw endpointError(
        'InvalidQueryParameterValue',
        'Invalid value for view_history_since, must be in range [1, current_term]',
      );
    }
    return tracker.viewHistory(asView(view));
  }
  const wanted = request.query.get('view_history');
  if (wanted === undefined || wanted === 'false') return undefined;
  if (wanted === 'true') return tracker.viewHistory();
  throw endpointError(
    'InvalidQueryParameterValue',
    "The query parameter 'view_history' is true or false",
  );
}

function statusResponse(tracker: TransactionStatusTracker, request: Request): Response {
  const text = request.query.get('transaction_id');
  if (text === undefined) {
    throw endpointError('InvalidQueryParameterValue', "Missing query parameter 'transaction_id'");
  }
  const id = parseRequestedId(text, 'query parameter', 'transaction_id');
  return jsonResponse({ status: tracker.status(id), transaction_id: formatTransactionId(id) });
}

/** Parses a transaction id that stands in a request. @throws InvalidQueryParameterValue */
export function parseRequestedId(text: string, where: string, name: string): TransactionId {
  try {
    return parseTransactionId(text);
  } catch (cause) {
    if (!(cause instanceof LedgerError)) throw cause;
    throw endpointError(
      'InvalidQueryParameterValue',
      `The value '${text}' passed as ${where} '${name}' could not be converted to a valid Transaction ID.`,
      {},
      cause,
    );
  }
}
